// What a box leaves behind, looked for on the host when it has ended.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "selftest/run.h"
#include "sys/host_view.h"

namespace claudebox::selftest {

/// What was there before the start, so that it is not taken for a remainder. `host` must outlive it.
class Aftermath {
 public:
  Aftermath(const plan::Plan& plan, const sys::HostView& host);

  /// Puts what was found into the rows ends.*. `token` is a word in the command line of the process that the probe left
  /// behind, `namespaces` those that the probe was in ("pid:[4026531836]").
  void judge(std::vector<Row>& rows, const std::string& token,
             const std::vector<std::string>& namespaces) const;

 private:
  std::vector<std::string> children() const;
  std::set<std::string> mounts() const;

  const plan::Plan& plan_;
  const sys::HostView& host_;
  std::set<std::string> mounts_;
  std::vector<std::string> children_;
  std::vector<std::string> stubs_;  ///< those that were not there
};

}  // namespace claudebox::selftest
