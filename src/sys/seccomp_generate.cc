// Build step: writes a filter as the elements of a C array. Arguments: which one, and the file.
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "sys/seccomp_policy.h"

namespace {

std::string build(const std::string& which) {
  if (which == "box") return claudebox::sys::build_box_filter();
  if (which == "gateway") return claudebox::sys::build_gateway_filter();
  throw std::runtime_error("no filter named " + which);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc != 3) throw std::runtime_error("usage: seccomp_generate box|gateway FILE");
    std::string text;
    for (const char byte : build(argv[1])) text += std::to_string(static_cast<unsigned char>(byte)) + ",";
    text += "\n";
    std::ofstream file(argv[2], std::ios::binary | std::ios::trunc);
    file << text << std::flush;
    if (!file) throw std::runtime_error(std::string("can't write ") + argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "seccomp_generate: %s\n", error.what());
    return 1;
  }
}
