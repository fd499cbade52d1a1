// The plan for people.
#pragma once

#include <optional>
#include <string>

#include "plan/plan.h"

namespace claudebox::render {

struct Style {
  bool color = false;  ///< ANSI colours (off: NO_COLOR, no terminal)
  bool utf8 = true;    ///< line drawing and dashes beyond ASCII
  std::size_t width = 80;
  bool explain = false;  ///< with the origin of every grant
  bool verbose = false;  ///< every system mount by itself instead of in one line
};

/// The audit (AUD-1, AUD-2): project, tier and what it reaches, mounts, environment, notes. Secret-looking
/// values are masked, what is sensitive is red with the reason. Everything from outside is escaped for the
/// terminal.
std::string audit(const plan::Plan& plan, const Style& style);

/// Whether a plan is the one that was approved last.
enum class Standing { approved, changed };

/// Two lines, whatever the width, for somebody who knows the box: what runs where and with which network, what it is
/// logged in with, how much of it is sensitive, and what shows the rest.
std::string audit_brief(const plan::Plan& plan, Standing standing, const Style& style);

/// What changed between the approved text and this plan, in lines with + and -; what is sensitive of the new with the
/// reason. Empty where nothing did.
std::string audit_difference(const std::string& approved, const plan::Plan& plan, const Style& style);

/// A stable text, one grant a line, of what an approval covers: what is compared and stored (AUD-3). Values
/// of variables are in it as digests only.
std::string approval_text(const plan::Plan& plan);

/// First 7, "...", last 4 of a value longer than 11, else "***".
std::string mask(std::string_view value);
/// Whether a variable's name looks like a secret's (TOKEN, SECRET, PASSWORD, KEY, CREDENTIAL …).
bool secret_name(std::string_view name);
/// Why a host path is sensitive (~/.ssh: "SSH keys"); empty where it is not. `home` is canonical.
std::string sensitive_path(std::string_view path, std::string_view home);

}  // namespace claudebox::render
