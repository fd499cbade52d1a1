// Build step: writes the box's filter as the elements of a C array to the file named by its argument.
#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "sys/seccomp_policy.h"

int main(int argc, char** argv) {
  try {
    if (argc != 2) throw std::runtime_error("usage: seccomp_generate FILE");
    std::string text;
    for (const char byte : claudebox::sys::build_box_filter())
      text += std::to_string(static_cast<unsigned char>(byte)) + ",";
    text += "\n";
    std::ofstream file(argv[1], std::ios::binary | std::ios::trunc);
    file << text << std::flush;
    if (!file) throw std::runtime_error(std::string("can't write ") + argv[1]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "seccomp_generate: %s\n", error.what());
    return 1;
  }
}
