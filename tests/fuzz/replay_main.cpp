// SPDX-License-Identifier: GPL-3.0-or-later
// Runs each file below the folders given through a fuzz target: the seeds, and every input that
// once broke something, stay tests in every build. Fails when there is nothing to run.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::uint8_t> read(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The input as it is, and cut short at up to 64 places: what a peer sends that goes away.
void run(const std::vector<std::uint8_t>& input) {
  LLVMFuzzerTestOneInput(input.data(), input.size());
  const auto step = std::max<std::size_t>(1, input.size() / 64);
  for (std::size_t size = 0; size < input.size(); size += step) {
    // A copy of its own, so that AddressSanitizer sees a read beyond the end.
    const std::vector<std::uint8_t> part(input.begin(),
                                         input.begin() + static_cast<std::ptrdiff_t>(size));
    LLVMFuzzerTestOneInput(part.data(), part.size());
  }
}

}  // namespace

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    std::error_code problem;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i], problem)) {
      if (entry.is_regular_file()) {
        run(read(entry.path()));
        ++files;
      }
    }
  }
  std::printf("%d inputs\n", files);
  return files > 0 ? 0 : 1;
}
