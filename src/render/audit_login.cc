// The audit's line on what the agent logs in with, and until when that holds.
#include <ctime>

#include "base/text.h"
#include "render/sections.h"

namespace claudebox::render {
namespace {

using plan::LoginMode;

std::string local_time(std::int64_t milliseconds) {
  const std::time_t time = milliseconds / 1000;
  std::tm parts{};
  char text[32];
  if (!::localtime_r(&time, &parts) || std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts) == 0)
    return "a time that can't be told";
  return text;
}

}  // namespace

void Audit::login() {
  const plan::Login& login = plan_.login;
  const std::string subscription = login.subscription.empty() ? "" : " (" + login.subscription + ")";
  switch (login.mode.value) {
    case LoginMode::broker:
      fact("login", {{"yours on this host" + subscription + ", without its refresh token"}});
      break;
    case LoginMode::store:
      grant({{"login", Role::dim}}, {{"of boxes" + subscription + ", in " + path(login.directory)}},
            {"holds a refresh token, which every box with it can use or revoke"}, nullptr);
      break;
    case LoginMode::env:
      fact("login", {{"by " + base::join(login.variables, ", ")}});
      break;
    case LoginMode::none:
      fact("login", {{"none", Role::dim}});
      break;
  }
  if (login.valid_until != 0) {
    const std::string renewer =
        login.mode.value == LoginMode::broker ? ", renewed on the host" : ", renewed in boxes";
    page_.put({}, text_column(),
              {{(login.expired ? "ran out " : "valid until ") + local_time(login.valid_until) + renewer,
                Role::dim}});
  }
  because(login.mode.origin);
}

}  // namespace claudebox::render
