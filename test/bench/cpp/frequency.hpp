// test/bench/cpp/frequency.hpp - the kernels of periodic signals as plain C++ loops, for comparison; a part of kernels.cpp.
#include <cmath>

struct Step { u32 length; double open, shift, n1, s1, q1, n2, q2, n3, q3, nm, qm; };
static struct {
  u32 inGroup, steps, size, place;
  i64 first, grid;
  double sum, firstSum, period, index;
  Step step[8];
} phase;
static std::vector<double> history(1 << 16);
static std::vector<double> trace(2 << 10);

static void resetPhases(u32 steps) {
  phase = {};
  phase.steps = steps;
  u32 length = 1;
  for (u32 i = 0; i < steps; i++, length *= 10) phase.step[i].length = length;
  phase.size = steps ? 3 * length / 10 + 1 : 1;
}

static void phases(const i64* times, const u8* channels, u32 n, u32 channel, u32 average) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] != channel) continue;
    if (phase.inGroup == 0) phase.first = times[i], phase.sum = 0;
    else phase.sum += double(times[i] - phase.first);
    if (++phase.inGroup < average) continue;
    phase.inGroup = 0;
    const double k = phase.index++;
    if (k == 0) phase.grid = phase.first, phase.firstSum = phase.sum;
    else {
      if (k == 1) phase.period = double(phase.first - phase.grid);
      phase.grid += i64(phase.period);
    }
    const double x = average * double(phase.first - phase.grid) + (phase.sum - phase.firstSum);
    trace[2 * (u64(k) & 1023)] = x, trace[2 * (u64(k) & 1023) + 1] = k;
    history[phase.place] = x;
    for (u32 j = 0; j < phase.steps; j++) {
      Step& s = phase.step[j];
      auto behind = [&](u32 back) { return history[phase.place >= back ? phase.place - back : phase.place + phase.size - back]; };
      if (k < s.length) continue;
      const double one = behind(s.length);
      if (s.n1 == 0) s.shift = x - one;
      const double change = x - one - s.shift;
      s.n1++, s.s1 += change, s.q1 += change * change;
      if (k < 2 * s.length) continue;
      const double two = behind(2 * s.length), second = x - 2 * one + two;
      s.n2++, s.q2 += second * second;
      if (k < 3 * s.length) s.open += second;
      else {
        const double third = x - 3 * one + 3 * two - behind(3 * s.length);
        s.n3++, s.q3 += third * third, s.open += third;
      }
      if (k >= 3 * s.length - 1) s.nm++, s.qm += s.open * s.open;
    }
    phase.place = phase.place + 1 == phase.size ? 0 : phase.place + 1;
  }
  counts[0] = u64(phase.index), counts[1] = u64(std::fabs(phase.step[0].q2));
}

struct Line { double cycles, before, count, sum, moment; };
static Line lines[2];
static std::vector<Line> fits(2 << 10);
static u32 fit;

static void windows(const i64* times, const u8* channels, u32 n, u32 a, u32 b, i64 interval, i64 width) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] != a && channels[i] != b) continue;
    while (times[i] - edge >= width) {
      for (u32 c = 0; c < 2; c++) {
        fits[2 * (fit % 1024) + c] = lines[c];
        lines[c] = {lines[c].cycles, 0, 0, 0, 0};
      }
      fit++;
      edge += interval;
    }
    Line& line = lines[channels[i] == b];
    const double cycle = line.cycles++;
    if (times[i] < edge) continue;
    const double u = double(times[i] - edge - width / 2);
    if (line.count == 0) line.before = cycle;
    line.sum += u, line.moment += line.count * u, line.count++;
  }
  counts[0] = fit, counts[1] = u64(lines[0].cycles);
}

static struct { bool isOpen, hasLatest, hasBefore, hasAfter; i64 opened, previous, latest, before, after; } pulse;
static std::vector<double> offsets(3 << 10);

static void closePulse(bool hasNext, i64 next, i64 period) {
  double offset = NAN;
  if (pulse.hasBefore && pulse.opened - pulse.before <= period / 2) offset = double(pulse.before - pulse.opened);
  if (pulse.hasAfter && !(hasNext && pulse.after >= next)) {
    const double after = double(pulse.after - pulse.opened);
    if (!(after >= -offset)) offset = after;
  }
  double* row = &offsets[3 * (bin++ & 1023)];
  row[0] = double(pulse.opened), row[1] = double(pulse.opened - pulse.previous - period), row[2] = offset;
  pulse.previous = pulse.opened;
  pulse.isOpen = false;
}

static void pulses(const i64* times, const u8* channels, u32 n, u32 reference, u32 signal, i64 period) {
  for (u32 i = 0; i < n; i++) {
    if (channels[i] != reference && channels[i] != signal) continue;
    const i64 time = times[i];
    if (pulse.isOpen && time - pulse.opened >= period - period / 2) closePulse(false, 0, period);
    if (channels[i] == reference) {
      if (pulse.isOpen) {
        if (time == pulse.opened) continue;
        closePulse(true, time, period);
      }
      pulse.opened = time, pulse.isOpen = true;
      pulse.before = pulse.latest, pulse.hasBefore = pulse.hasLatest, pulse.hasAfter = false;
      continue;
    }
    pulse.latest = time, pulse.hasLatest = true;
    if (!pulse.isOpen) continue;
    if (time == pulse.opened) pulse.before = time, pulse.hasBefore = true;
    else if (!pulse.hasAfter) pulse.after = time, pulse.hasAfter = true;
  }
  counts[0] = bin;
}
