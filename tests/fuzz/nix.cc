// What nix prints, and the records that are made of it.
#include "fuzz.h"
#include "packages/nix_answers.h"
#include "packages/nix_log.h"
#include "plan/devshell_env.h"
#include "plan/package_record.h"

namespace claudebox::fuzz {

void run(Bytes input) {
  Pieces pieces(input);
  const std::uint8_t which = pieces.byte();
  if (which % 4 == 0) {
    packages::NixLog log;
    while (!pieces.empty()) log.feed(text_of(pieces.piece()));
    log.finish();
    for (const char c : log.error()) must(c != '\x1b');
    for (const auto& line : log.build_lines())
      for (const char c : line) must(c != '\x1b');
    (void)log.status();
    return;
  }
  const auto text = text_of(pieces.rest());
  if (which % 4 == 1) {
    if (const auto record = plan::read_package_record(text)) {
      for (const auto& path : record->closure) must(plan::is_store_path(path));
      const auto again = plan::read_package_record(plan::format_package_record(*record));
      must(again && again->closure == record->closure && again->path == record->path);
    }
  } else if (which % 4 == 2) {
    if (const auto env = plan::devshell_env(text)) {
      for (const auto& entry : env->path) must(entry.starts_with("/nix/store/"));
      must(!env->variables.contains("LD_PRELOAD") && !env->variables.contains("HOME"));
    }
  } else {
    (void)packages::locked_reference(text);
  }
}

}  // namespace claudebox::fuzz
