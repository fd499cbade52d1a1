#include <unistd.h>

#include <algorithm>

#include "cli/command.h"
#include "sys/seccomp.h"

namespace claudebox::cli {

int print_help(const LowArgs& low) {
  const std::size_t width = std::min<std::size_t>(width_of(STDOUT_FILENO), 100);
  const CommandDoc tree = command_tree();
  print(low.short_help ? short_help(tree, low.argument, width) : help(tree, low.argument, width));
  return 0;
}

int print_version(const LowArgs&) {
  print("claudebox " CLAUDEBOX_VERSION "\n");
  return 0;
}

int print_man_page(const LowArgs&) {
  print(man_page(command_tree(), CLAUDEBOX_VERSION));
  return 0;
}

int print_completion(const LowArgs& low) {
  print(completion_script(command_tree(), low.argument));
  return 0;
}

int print_seccomp_filter(const LowArgs&) {
  if (::isatty(STDOUT_FILENO) == 1)
    throw base::Error("the filter is a program for the kernel, nothing for a terminal",
                      "redirect it to a file", base::ExitCode::usage);
  print(sys::box_seccomp_filter());
  return 0;
}

}  // namespace claudebox::cli
