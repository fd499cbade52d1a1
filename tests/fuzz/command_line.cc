// The command line: words between NULs.
#include "base/error.h"
#include "cli/app.h"
#include "fuzz.h"

namespace claudebox::fuzz {

void run(Bytes input) {
  std::vector<std::string> words(1);
  for (const char c : text_of(input)) {
    if (c == '\0') {
      words.emplace_back();
    } else {
      words.back() += c;
    }
    if (words.size() > 64) return;
  }
  try {
    (void)cli::parse(words);
  } catch (const base::Error& error) {
    must(!error.message().empty());
  }
}

}  // namespace claudebox::fuzz
