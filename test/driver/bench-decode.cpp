// test/driver/bench-decode.cpp - the plain loop that anyone would write, as a yardstick for the decoder.
// Reads nothing: makes records from the same generator as bench-decode.ts, decodes them many times, prints the median of
// ns per tag and a sum of all times modulo 2^64.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <vector>

__attribute__((noinline)) static size_t decode(const uint32_t *raw, size_t n, int64_t *times, uint8_t *channels, int64_t &base, int64_t tick) {
  int64_t origin = base;
  size_t k = 0;
  for (size_t i = 0; i < n; i++) {
    const uint32_t record = raw[i];
    if (record >> 31) {
      const uint32_t wraps = record & 0x1ffffff;
      origin += int64_t(wraps ? wraps : 1) << 25;
    } else {
      times[k] = (origin + (record & 0x1ffffff)) * tick;
      channels[k++] = (record >> 25) & 63;
    }
  }
  base = origin;
  return k;
}

int main(int argc, char **argv) {
  if (argc < 5) return 64;
  std::ifstream file(argv[1], std::ios::binary | std::ios::ate);
  const size_t records = size_t(file.tellg()) / 4;
  std::vector<uint32_t> raw(records);
  file.seekg(0);
  file.read(reinterpret_cast<char *>(raw.data()), std::streamsize(records * 4));
  const size_t chunk = size_t(atoll(argv[2]));
  const int rounds = atoi(argv[3]);
  const int64_t tick = atoll(argv[4]);
  std::vector<int64_t> times(chunk);
  std::vector<uint8_t> channels(chunk);
  std::vector<double> seconds;
  uint64_t sum = 0;
  size_t tags = 0;
  for (int round = 0; round < rounds; round++) {
    int64_t base = 0;
    sum = 0;
    tags = 0;
    const auto begun = std::chrono::steady_clock::now();
    for (size_t at = 0; at < records; at += chunk) {
      const size_t k = decode(raw.data() + at, std::min(chunk, records - at), times.data(), channels.data(), base, tick);
      tags += k;
      if (k) sum += uint64_t(times[k - 1]);
    }
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count());
  }
  std::sort(seconds.begin(), seconds.end());
  printf("{\"tags\":%zu,\"sum\":\"%llu\",\"seconds\":%.9f}\n", tags, (unsigned long long)sum, seconds[seconds.size() / 2]);
}
