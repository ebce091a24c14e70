// test/bench/cpp/kernels.cpp - the same kernels as plain C++ loops, for comparison.
//
// usage: kernels FILE N ROUNDS: FILE holds i64 times[N], then u8 channels[N]. For each line `kernel a b width bins` on the
// standard input prints the Mtags/s of each round and a checksum of the counts.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <time.h>
#include <vector>

using i64 = int64_t;
using u64 = uint64_t;
using u32 = uint32_t;
using u8 = uint8_t;

constexpr u32 block = 16384;
constexpr u32 ringTags = 65536;
constexpr u32 rows = 1024;

static std::vector<u64> counts(1 << 20);
static std::vector<i64> ring(ringTags);
static u32 head, tail, bin;
static i64 edge;

static double cpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

static void count(const u8* channels, u32 n) {
  u32 histogram[4][256] = {};
  u32 i = 0;
  for (; i + 4 <= n; i += 4) {
    histogram[0][channels[i]]++, histogram[1][channels[i + 1]]++;
    histogram[2][channels[i + 2]]++, histogram[3][channels[i + 3]]++;
  }
  for (; i < n; i++) histogram[0][channels[i]]++;
  for (int k = 0; k < 256; k++) counts[k] += histogram[0][k] + histogram[1][k] + histogram[2][k] + histogram[3][k];
}

/** Bins of 16 channels in a ring of 1024. */
static void counter(const i64* times, const u8* channels, u32 n, i64 width) {
  u64* row = &counts[bin * 16];
  for (u32 i = 0; i < n; i++) {
    while (times[i] >= edge) {
      edge += width;
      bin = (bin + 1) % rows;
      row = &counts[bin * 16];
      std::memset(row, 0, 16 * sizeof *row);
    }
    row[channels[i] & 15]++;
  }
}

/** Division by multiplication and shift. */
struct Divider {
  u32 shift = 31;
  u64 reciprocal;
  explicit Divider(u32 width) {
    while ((1u << (shift - 31)) < width) shift++;
    reciprocal = ((u64(1) << shift) + width - 1) / width;
  }
  u64 operator()(i64 delay) const { return (u64(delay) * reciprocal) >> shift; }
};

/** One more open start; the oldest goes when there are too many. */
static void addStart(i64 time) {
  ring[head++ % ringTags] = time;
  if (head - tail >= ringTags) tail++;
}

/** Start-multistop with a ring of open starts; division by multiplication and shift. */
static void correlate(const i64* times, const u8* channels, u32 n, u32 start, u32 click, u32 width, u32 bins) {
  const i64 span = i64(width) * bins;
  const Divider bin(width);
  for (u32 i = 0; i < n; i++) {
    const i64 time = times[i];
    if (channels[i] == click) {
      while (tail != head && time - ring[tail % ringTags] >= span) tail++;
      for (u32 k = tail; k != head; k++) counts[bin(time - ring[k % ringTags])]++;
    }
    if (channels[i] == start) {
      addStart(time);
    }
  }
}

#include "frequency.hpp"

static i64 seen[64];
static std::vector<i64> made(1 << 20);
static u32 madeTags;

/** Coincidences of channels 0 to k - 1, each tag used once: the last time of each channel. */
static void coincide(const i64* times, const u8* channels, u32 n, u32 k, i64 window) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] >= k) continue;
    const i64 time = times[i];
    seen[channels[i]] = time;
    // Two are best compared without a branch between, more of them are best given up early.
    if (k == 2) {
      if (time - std::min(seen[0], seen[1]) > window) continue;
    } else {
      u32 near = 0;
      while (near < k && time - seen[near] <= window) near++;
      if (near < k) continue;
    }
    made[madeTags++] = time;
    for (u32 m = 0; m < k; m++) seen[m] = INT64_MIN / 2;
  }
}

/** Tags of two channels as one. */
static void combine(const i64* times, const u8* channels, u32 n, u32 a, u32 b) {
  for (u32 i = 0; i < n; i++) if (channels[i] == a || channels[i] == b) made[madeTags++] = times[i];
}

/** Tags of channel 0 from a tag of `start` to one of `stop`. */
static bool isOpen;
static void gate(const i64* times, const u8* channels, u32 n, u32 start, u32 stop) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] == 0 && isOpen) made[madeTags++] = times[i];
    if (channels[i] == start) isOpen = true;
    if (channels[i] == stop) isOpen = false;
  }
}

/** Plain Laurence: both channels picked out, then for each edge a pointer through all starts, four edges at a time. */
static void laurence(const i64* times, const u8* channels, u32 n, u32 start, u32 click, const std::vector<i64>& edges) {
  static std::vector<i64> starts, clicks;
  starts.clear(), clicks.clear();
  for (u32 i = 0; i < n; i++) {
    if (channels[i] == click) clicks.push_back(times[i]);
    if (channels[i] == start) starts.push_back(times[i]);
  }
  const u32 all = u32(starts.size());
  for (size_t k = 0; k < edges.size(); k += 4) {
    u32 place[4] = {};
    u64 sum[4] = {};
    i64 edge[4];
    for (size_t j = 0; j < 4; j++) edge[j] = edges[std::min(k + j, edges.size() - 1)];
    for (const i64 time : clicks) {
      for (int j = 0; j < 4; j++) {
        while (place[j] < all && time - starts[place[j]] >= edge[j]) place[j]++;
        sum[j] += place[j];
      }
    }
    for (size_t j = 0; j < 4; j++) counts[k + j] += sum[j];
  }
}

/** From the last start to the first stop on two channels, into a map of bins by bins. */
static void firstStops(const i64* times, const u8* channels, u32 n, u32 start, u32 width, u32 bins) {
  static i64 from, first[2];
  static u32 waiting;
  if (n == 0) waiting = 0;
  for (u32 i = 0; i < n; i++) {
    const u32 channel = channels[i];
    if (channel == start) from = times[i], waiting = 3;
    else if (channel == start + 1 || channel == start + 2) {
      const u32 axis = channel - start - 1;
      if (!(waiting & 1u << axis)) continue;
      first[axis] = times[i] - from;
      waiting &= ~(1u << axis);
      if (waiting) continue;
      const u64 x = u64(first[0]) / width, y = u64(first[1]) / width;
      if (x < bins && y < bins) counts[x * bins + y]++;
    }
  }
}

constexpr u32 pixels = 1024;
static std::vector<u64> frame, ready, sum;
static std::vector<i64> live(pixels);
static int pixel;
static i64 pixelBegan;

/** Delays into the histogram of the pixel that channel 2 steps; a complete frame is kept and added up. */
static void flim(const i64* times, const u8* channels, u32 n, u32 start, u32 click, u32 width, u32 bins) {
  const i64 span = i64(width) * bins;
  const Divider bin(width);
  for (u32 i = 0; i < n; i++) {
    const i64 time = times[i];
    if (channels[i] == click) {
      if (pixel < 0) continue;
      while (tail != head && time - ring[tail % ringTags] >= span) tail++;
      for (u32 k = tail; k != head; k++) frame[pixel * bins + bin(time - ring[k % ringTags])]++;
    } else if (channels[i] == start) {
      addStart(time);
    } else if (channels[i] == 2) {
      if (pixel >= 0) live[pixel] += time - pixelBegan;
      pixelBegan = time;
      if (++pixel < int(pixels)) continue;
      pixel = 0;
      ready = frame;
      for (u32 k = 0; k < frame.size(); k++) sum[k] += frame[k];
      std::fill(frame.begin(), frame.end(), 0);
    }
  }
}

#include "classes.hpp"

struct Rule { i64 accepts, dead; u64 seen; u32 left, divider; bool triggers, filtered; };
static std::vector<Rule> rules(256);
static std::vector<i64> keptTimes(block);
static std::vector<u8> keptChannels(block);
static u64 triggered;

/** Conditional filter, divider and dead time of the channels that the other channel triggers. */
static void conditionStart(u32 trigger, u32 filtered, i64 dead, u32 divider) {
  triggered = 0;
  for (u32 k = 0; k < 256; k++) rules[k] = {0, dead, 0, 0, k == filtered ? divider : 1, k == trigger, k == filtered};
}

static void condition(const i64* times, const u8* channels, u32 n) {
  u32 kept = 0;
  for (u32 i = 0; i < n; i++) {
    Rule& rule = rules[channels[i]];
    if (rule.triggers) triggered++;
    if (rule.filtered) {
      if (rule.seen == triggered) continue;
      rule.seen = triggered;
    }
    if (rule.left > 0) {
      rule.left--;
      continue;
    }
    rule.left = rule.divider - 1;
    if (times[i] < rule.accepts) continue;
    rule.accepts = times[i] + rule.dead;
    keptTimes[kept] = times[i];
    keptChannels[kept++] = channels[i];
  }
  counts[0] += kept;
}

int main(int, char** arguments) {
  const u32 n = std::atoi(arguments[2]);
  const int rounds = std::atoi(arguments[3]);
  std::vector<i64> times(n);
  std::vector<u8> channels(n);
  FILE* file = std::fopen(arguments[1], "rb");
  if (!file || std::fread(times.data(), 8, n, file) != n || std::fread(channels.data(), 1, n, file) != n) return 66;
  std::fclose(file);
  char name[32];
  unsigned a, b, bins;
  double width;
  while (std::scanf("%31s %u %u %lf %u", name, &a, &b, &width, &bins) == 5) {
    const std::string kernel = name;
    for (int round = 0; round <= rounds; round++) {
      std::fill(counts.begin(), counts.end(), 0);
      head = tail = bin = madeTags = 0;
      isOpen = false;
      std::fill(seen, seen + 64, INT64_MIN / 2);
      edge = i64(width);
      std::vector<i64> edges; // 1 ns to `width`
      for (u32 k = 0; k <= bins && kernel == "laurence"; k++) edges.push_back(std::llround(1000 * std::pow(width / 1000, double(k) / bins)));
      conditionStart(a, b, i64(width), bins);
      resetPhases(bins % 8);
      std::memset(lines, 0, sizeof lines);
      pulse = {};
      resetClasses();
      if (kernel == "windows") fit = 0, edge = 0;
      if (kernel == "flim") pixel = -1, frame.assign(pixels * bins, 0), ready = sum = frame;
      const double begin = cpuSeconds();
      if (kernel == "laurence") laurence(times.data(), channels.data(), n, a, b, edges);
      else for (u32 i = 0; i < n; i += block) {
        const u32 m = std::min(block, n - i);
        if (kernel == "count") count(&channels[i], m);
        else if (kernel == "counter") counter(&times[i], &channels[i], m, i64(width));
        else if (kernel == "phases") phases(&times[i], &channels[i], m, a, b);
        else if (kernel == "windows") windows(&times[i], &channels[i], m, a, b, i64(width), bins);
        else if (kernel == "pulses") pulses(&times[i], &channels[i], m, a, b, i64(width));
        else if (kernel == "coincide") coincide(&times[i], &channels[i], m, a, i64(width));
        else if (kernel == "combine") combine(&times[i], &channels[i], m, a, b);
        else if (kernel == "gate") gate(&times[i], &channels[i], m, a, b);
        else if (kernel == "stops") firstStops(&times[i], &channels[i], m, a, u32(width), bins);
        else if (kernel == "flim") flim(&times[i], &channels[i], m, a, b, u32(width), bins);
        else if (kernel == "both") both(&times[i], &channels[i], m, a, b, u32(width), bins);
        else if (kernel == "startStop") startStop(&times[i], &channels[i], m, a, b, i64(width));
        else if (kernel == "stepped") stepped(&times[i], &channels[i], m, 0, 1, u32(width), bins, a);
        else if (kernel == "between") between(&times[i], &channels[i], m, a, b, bins);
        else if (kernel == "list") list(&times[i], &channels[i], m, a, b, bins);
        else if (kernel == "sample") sample(&times[i], &channels[i], m, bins);
        else if (kernel == "scope") scope(&times[i], &channels[i], m, i64(width), bins);
        else if (kernel == "rates") coincidenceRates(&times[i], &channels[i], m, i64(width));
        else if (kernel == "groups") groups(&times[i], &channels[i], m, i64(width));
        else if (kernel == "combinations") combinations(&times[i], &channels[i], m, i64(width));
        else if (kernel == "delayed") delayed(&times[i], &channels[i], m, i64(width));
        else if (kernel == "multiply") multiply(&times[i], &channels[i], m, a);
        else if (kernel == "middles") middles(&times[i], &channels[i], m, i64(width));
        else if (kernel == "generate") generate(&times[i], &channels[i], m, i64(width));
        else if (kernel == "switches") switches(&times[i], &channels[i], m, i64(width), a);
        else if (kernel == "follow") follow(&times[i], &channels[i], m, width, a);
        else if (kernel == "condition") condition(&times[i], &channels[i], m);
        else correlate(&times[i], &channels[i], m, a, b, u32(width), bins);
      }
      const double seconds = cpuSeconds() - begin;
      if (round > 0) std::printf("%.2f ", n / seconds / 1e6); // the first round warms up
    }
    u64 check = madeTags;
    for (const auto& [bin, count] : delays) check += bin * count;
    for (u32 k = 0; k < now.made; k++) check += u64(rowTimes[k]) + rowValues[k];
    for (size_t k = 0; k < ready.size(); k++) check += sum[k] + ready[k];
    for (size_t k = 0; k < counts.size(); k++) check += counts[k] * (k % 9973 + 1);
    std::printf("%llu\n", (unsigned long long)check);
    std::fflush(stdout);
  }
}
