// The command line: words between NULs, up to the request that they make.
#include <string>
#include <vector>

#include "base/error.h"
#include "cli/app.h"
#include "cli/request.h"
#include "fuzz.h"
#include "profile_host.h"

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
  testing::ProfileHost host;
  host.program("/usr/bin/true").directory("/home/dev/src/app").at("/home/dev/src/app");
  host.set("PATH", "/usr/bin").set("HOME", "/home/dev").set("A", "value");
  host.profile("web", "network = \"offline\"\n");
  try {
    const auto low = cli::parse(words);
    base::Diagnostics problems;
    (void)cli::make_request(low, host, problems);
    for (const auto& problem : problems.items()) must(!problem.message.empty());
  } catch (const base::Error& error) {
    must(!error.message().empty());
  }
}

}  // namespace claudebox::fuzz
