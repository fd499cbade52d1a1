#include "selftest/probe_image.h"

// The assembler copies the file in: quick to build whatever its size, and nothing to generate.
asm(".pushsection .rodata\n"
    ".balign 16\n"
    "claudebox_probe_begin:\n"
    ".incbin \"" CLAUDEBOX_PROBE_FILE
    "\"\n"
    "claudebox_probe_end:\n"
    ".popsection\n"
    ".global claudebox_probe_begin, claudebox_probe_end\n"
    ".hidden claudebox_probe_begin, claudebox_probe_end\n");

extern "C" {
extern const char claudebox_probe_begin[];
extern const char claudebox_probe_end[];
}

namespace claudebox::selftest {

std::string_view probe_image() {
  return {claudebox_probe_begin, static_cast<std::size_t>(claudebox_probe_end - claudebox_probe_begin)};
}

}  // namespace claudebox::selftest
