// test/bench/cpp/classes.hpp - further measurements and virtual channels as plain C++ loops, for comparison; a part of kernels.cpp.
//
// Each is the loop that a careful person writes first: tag by tag, state in variables, results in vectors.
#include <deque>
#include <unordered_map>

/** What all of them remember; zeroed before each round. */
static struct {
  u32 clickHead, clickTail, waiting, row, cell[2], open, made;
  i64 from, start, latest[64], shifted[64], lastIn, lastOut, offset, phase, out;
  u64 clicks, level, known, pulses;
  double period, periods, phaseRest, outRest;
  bool isLocked;
} now;
static std::vector<i64> clickRing(ringTags);
static std::unordered_map<u64, u64> delays;
static std::vector<i64> rowTimes(1 << 20);
static std::vector<u64> rowValues(1 << 20);
static std::deque<i64> shiftedTags[2];

static void resetClasses() {
  now = {};
  now.start = INT64_MIN / 2;
  std::fill(now.latest, now.latest + 64, INT64_MIN / 2);
  std::fill(now.shifted, now.shifted + 64, INT64_MIN / 2);
  delays.clear();
  for (auto& list : shiftedTags) list.clear();
}

/** Delays of both signs: a ring of open starts and one of open clicks. */
static void both(const i64* times, const u8* channels, u32 n, u32 start, u32 click, u32 width, u32 bins) {
  const i64 half = i64(width) * (bins / 2);
  const Divider bin(width);
  for (u32 i = 0; i < n; i++) {
    const i64 time = times[i];
    if (channels[i] == click) {
      while (tail != head && time - ring[tail % ringTags] >= half) tail++;
      for (u32 k = tail; k != head; k++) counts[bin(time - ring[k % ringTags] + half)]++;
      clickRing[now.clickHead++ % ringTags] = time;
      if (now.clickHead - now.clickTail >= ringTags) now.clickTail++;
    } else if (channels[i] == start) {
      while (now.clickTail != now.clickHead && time - clickRing[now.clickTail % ringTags] > half) now.clickTail++;
      for (u32 k = now.clickTail; k != now.clickHead; k++) counts[bin(clickRing[k % ringTags] - time + half)]++;
      addStart(time);
    }
  }
}

/** From the last start to its first click, bins of any number in a hash table. */
static void startStop(const i64* times, const u8* channels, u32 n, u32 start, u32 click, i64 width) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] == click && now.waiting) {
      delays[(times[i] - now.from) / width]++;
      now.waiting = 0;
    } else if (channels[i] == start) now.from = times[i], now.waiting = 1;
  }
}

/** Delays into the histogram that channel 2 steps; with `axes` 2, channel 3 steps the other axis of a grid of 16 by 16. */
static void stepped(const i64* times, const u8* channels, u32 n, u32 start, u32 click, u32 width, u32 bins, u32 axes) {
  const i64 span = i64(width) * bins;
  const Divider bin(width);
  for (u32 i = 0; i < n; i++) {
    const i64 time = times[i];
    if (channels[i] == click) {
      while (tail != head && time - ring[tail % ringTags] >= span) tail++;
      for (u32 k = tail; k != head; k++) counts[now.row * bins + bin(time - ring[k % ringTags])]++;
    } else if (channels[i] == start) {
      addStart(time);
    } else if (channels[i] == 2 || (channels[i] == 3 && axes == 2)) {
      u32& cell = now.cell[channels[i] - 2];
      cell = (cell + 1) % 16;
      now.row = axes == 2 ? 16 * now.cell[0] + now.cell[1] : cell;
    }
  }
}

/** Clicks from each begin to the next. */
static void between(const i64* times, const u8* channels, u32 n, u32 begin, u32 click, u32 values) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] == click) now.clicks++;
    else if (channels[i] == begin) {
      if (now.open && now.made < values) {
        rowTimes[now.made] = times[i] - now.from;
        rowValues[now.made++] = now.clicks;
      }
      now.open = 1, now.from = times[i], now.clicks = 0;
    }
  }
}

/** The tags of two channels. */
static void list(const i64* times, const u8* channels, u32 n, u32 a, u32 b, u32 room) {
  for (u32 i = 0; i < n; i++) {
    if ((channels[i] != a && channels[i] != b) || now.made == room) continue;
    rowTimes[now.made] = times[i];
    rowValues[now.made++] = channels[i];
  }
}

/** Levels of channels 1 (high) and 2 (low) at each tag of channel 0. */
static void sample(const i64* times, const u8* channels, u32 n, u32 room) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] == 1) now.level = 1, now.known = 1;
    else if (channels[i] == 2) now.level = 0, now.known = 1;
    else if (channels[i] == 0 && now.made < room) {
      rowTimes[now.made] = times[i];
      rowValues[now.made++] = now.level | now.known << 1;
    }
  }
}

/** Edges of channels 1 and 2 in a window behind a tag of channel 0, and the levels before its instant; the latest trace is kept. */
static void scope(const i64* times, const u8* channels, u32 n, i64 window, u32 room) {
  static u64 before[2];
  for (u32 i = 0; i < n; i++) {
    if (now.open && times[i] - now.from >= window) now.open = 0;
    if (channels[i] == 0 && !now.open) {
      now.open = 1, now.from = times[i], now.made = 0;
      const bool same = now.lastIn == times[i];
      rowValues[now.made] = same ? before[0] | before[1] << 32 : now.level | now.known << 32;
      rowTimes[now.made++] = 0;
    } else if (channels[i] == 1 || channels[i] == 2) {
      if (now.lastIn != times[i]) before[0] = now.level, before[1] = now.known, now.lastIn = times[i];
      const u64 bit = u64(1) << channels[i];
      now.level ^= bit, now.known |= bit;
      if (!now.open || now.made == room) continue;
      rowTimes[now.made] = times[i] - now.from;
      rowValues[now.made++] = channels[i];
    }
  }
}

/** Coincidences of channels 0 and 1, and once more with channel 1 moved; each tag counts once. */
static void coincidenceRates(const i64* times, const u8* channels, u32 n, i64 window) {
  const i64 shift = 10 * window;
  const auto shiftedTo = [&](i64 time) {
    for (;;) {
      const bool first = !shiftedTags[0].empty() && (shiftedTags[1].empty() || shiftedTags[0].front() <= shiftedTags[1].front());
      std::deque<i64>& list = shiftedTags[first ? 0 : 1];
      if (list.empty() || list.front() > time) return;
      const u32 k = first ? 0 : 1;
      now.shifted[k] = list.front();
      list.pop_front();
      if (std::abs(now.shifted[0] - now.shifted[1]) > window) continue;
      counts[1]++;
      now.shifted[0] = now.shifted[1] = INT64_MIN / 2;
    }
  };
  for (u32 i = 0; i < n; i++) {
    if (channels[i] > 1) continue;
    const u32 k = channels[i];
    counts[2 + k]++;
    now.latest[k] = times[i];
    if (times[i] - std::min(now.latest[0], now.latest[1]) <= window) {
      counts[0]++;
      now.latest[0] = now.latest[1] = INT64_MIN / 2;
    }
    shiftedTags[k].push_back(times[i] + (k == 1 ? shift : 0));
    shiftedTo(times[i]);
  }
}

/** Coincidences of the groups 0+1 and 1+2, each on its own. */
static void groups(const i64* times, const u8* channels, u32 n, i64 window) {
  for (u32 i = 0; i < n; i++) {
    const u32 k = channels[i];
    if (k > 2) continue;
    for (u32 group = 0; group < 2; group++) {
      if (k < group || k > group + 1) continue;
      i64* latest = now.latest + 2 * group;
      latest[k - group] = times[i];
      if (times[i] - std::min(latest[0], latest[1]) > window) continue;
      made[madeTags++] = times[i];
      latest[0] = latest[1] = INT64_MIN / 2;
    }
  }
}

/** Clicks of channels 0 to 2 within `window`, with nothing for as long before and after: which of them fired. */
static void combinations(const i64* times, const u8* channels, u32 n, i64 window) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] > 2) continue;
    if (times[i] - now.start > window) {
      if (now.row && now.from == 0) made[madeTags++] = now.start * 8 + now.row;
      now.from = now.row && times[i] - now.lastIn <= window;
      now.start = times[i], now.row = 0;
    }
    now.row |= 1u << channels[i];
    now.lastIn = times[i];
  }
}

/** Channel 0, moved. */
static void delayed(const i64* times, const u8* channels, u32 n, i64 delay) {
  for (u32 i = 0; i < n; i++) if (channels[i] == 0) made[madeTags++] = times[i] + delay;
}

/** `factor` tags for each period of channel 0. */
static void multiply(const i64* times, const u8* channels, u32 n, u32 factor) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] != 0) continue;
    if (now.open) for (u32 k = 0; k < factor; k++) made[madeTags++ & 0xfffff] = times[i] + (times[i] - now.from) * k / factor;
    now.open = 1, now.from = times[i];
  }
}

/** The middle of each pulse from channel 0 to channel 1 that is no longer than `longest`. */
static void middles(const i64* times, const u8* channels, u32 n, i64 longest) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] == 0) now.from = times[i], now.open = 1;
    else if (channels[i] == 1 && now.open) {
      if (times[i] - now.from <= longest) made[madeTags++] = (now.from + times[i]) / 2;
      now.open = 0;
    }
  }
}

/** Two tags behind each of channel 0, at 0 and at `step`. */
static void generate(const i64* times, const u8* channels, u32 n, i64 step) {
  for (u32 i = 0; i < n; i++) {
    while (now.clickTail != now.clickHead && clickRing[now.clickTail % ringTags] < times[i]) made[madeTags++] = clickRing[now.clickTail++ % ringTags];
    if (channels[i] != 0) continue;
    made[madeTags++] = times[i];
    clickRing[now.clickHead++ % ringTags] = times[i] + step;
  }
}

/** Whether channel 0 fired as often as `most` in each window. */
static void switches(const i64* times, const u8* channels, u32 n, i64 window, u32 most) {
  for (u32 i = 0; i < n; i++) {
    while (times[i] >= now.from + window) {
      const u32 above = now.clicks >= most;
      if (above != now.open) made[madeTags++] = now.from + window;
      now.open = above, now.clicks = 0, now.from += window;
    }
    if (channels[i] == 0) now.clicks++;
  }
}

/** The time of channel 0 as the time of all: a line through its tags with a fading memory. */
static void follow(i64* times, const u8* channels, u32 n, double nominal, u32 average) {
  for (u32 i = 0; i < n; i++) {
    const i64 time = times[i];
    if (channels[i] == 0) {
      const double late = double(time - now.phase) - now.phaseRest - now.period;
      if (now.periods == 0 || std::fabs(late) > now.period / 4) now.phase = time, now.out = time, now.phaseRest = now.outRest = 0, now.period = nominal, now.periods = 1, now.isLocked = false;
      else {
        const double count = std::min(now.periods + 1, 2.0 * average), weight = count * (count + 1);
        const auto advance = [](i64& whole, double& rest, double by) { rest += by; const double w = std::floor(rest); whole += i64(w), rest -= w; };
        advance(now.phase, now.phaseRest, now.period + late * (4 * count - 2) / weight);
        advance(now.out, now.outRest, nominal);
        now.period += late * 6 / weight;
        now.periods = count;
        if (count >= average) now.isLocked = true;
      }
    }
    if (!now.isLocked) continue;
    const double since = double(time - now.phase) - now.phaseRest;
    times[i] = std::max(now.lastOut, now.out + i64(std::floor(now.outRest + since * (nominal / now.period) + 0.5)));
    now.lastOut = times[i];
  }
}
