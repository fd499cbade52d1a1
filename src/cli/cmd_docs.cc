#include <unistd.h>

#include "cli/command.h"
#include "sys/seccomp.h"

namespace claudebox::cli {

int print_help(const Context& context) {
  const std::size_t width = std::min<std::size_t>(width_of(STDOUT_FILENO), 100);
  const CommandDoc tree = command_tree();
  print(context.low.short_help ? short_help(tree, context.low.argument, width)
                               : help(tree, context.low.argument, width));
  return 0;
}

int print_version(const Context&) {
  print("claudebox " CLAUDEBOX_VERSION "\n");
  return 0;
}

int print_man_page(const Context&) {
  print(man_page(command_tree(), CLAUDEBOX_VERSION));
  return 0;
}

int print_completion(const Context& context) {
  print(completion_script(command_tree(), context.low.argument));
  return 0;
}

int print_seccomp_filter(const Context& context) {
  if (context.host.is_terminal(STDOUT_FILENO))
    throw base::Error("the filter is a program for the kernel, nothing for a terminal",
                      "redirect it to a file", base::ExitCode::usage);
  print(sys::box_seccomp_filter());
  return 0;
}

}  // namespace claudebox::cli
