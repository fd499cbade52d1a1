#include "profile/examples.h"

#include <array>

// The assembler copies the files in; they are in docs/profiles, where people can read them.
#define CLAUDEBOX_EXAMPLE(name)                                                                           \
  asm(".pushsection .rodata\n"                                                                            \
      "claudebox_example_" #name                                                                          \
      "_begin:\n"                                                                                         \
      ".incbin \"" CLAUDEBOX_EXAMPLES "/" #name                                                           \
      ".toml\"\n"                                                                                         \
      "claudebox_example_" #name                                                                          \
      "_end:\n"                                                                                           \
      ".popsection\n"                                                                                     \
      ".global claudebox_example_" #name "_begin, claudebox_example_" #name                               \
      "_end\n"                                                                                            \
      ".hidden claudebox_example_" #name "_begin, claudebox_example_" #name "_end\n");                    \
  extern "C" {                                                                                            \
  extern const char claudebox_example_##name##_begin[];                                                   \
  extern const char claudebox_example_##name##_end[];                                                     \
  }                                                                                                       \
  namespace {                                                                                             \
  std::string_view name() {                                                                               \
    return {claudebox_example_##name##_begin,                                                             \
            static_cast<std::size_t>(claudebox_example_##name##_end - claudebox_example_##name##_begin)}; \
  }                                                                                                       \
  }

CLAUDEBOX_EXAMPLE(plain)
CLAUDEBOX_EXAMPLE(web)
CLAUDEBOX_EXAMPLE(review)
CLAUDEBOX_EXAMPLE(cloud)
CLAUDEBOX_EXAMPLE(nix)
CLAUDEBOX_EXAMPLE(accounts)

namespace claudebox::profile {

std::span<const Example> examples() {
  static const std::array kExamples = {Example{"plain", plain()},   Example{"web", web()},
                                       Example{"review", review()}, Example{"cloud", cloud()},
                                       Example{"nix", nix()},       Example{"accounts", accounts()}};
  return kExamples;
}

}  // namespace claudebox::profile
