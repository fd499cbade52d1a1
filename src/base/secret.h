// What looks like a secret, by name and by shape, and how it is shown. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace claudebox::base {

/// First 7, "...", last 4 of a value longer than 11, else "***". A value that is not printable ASCII is
/// "***": cut in the middle it would be no text any more.
std::string mask(std::string_view value);

/// Whether a variable's name looks like a secret's: TOKEN, SECRET, PASSWORD, KEY, CREDENTIAL and the like, as
/// words of the name (KEYBOARD is none, MAX_TOKENS and KEY_FILE neither).
bool secret_name(std::string_view name);

struct SecretKind {
  std::string_view what{};  ///< "a GitHub token"
  std::string_view
      allows{};  ///< what who has it can do, in at most six words: "push to your GitHub repositories"
};

/// What kind of secret stands in `text`, by its shape. Empty where none does.
SecretKind secret_kind(std::string_view text);
/// Its `what`.
std::string_view secret_shape(std::string_view text);
/// All kinds that have a shape.
std::vector<SecretKind> secret_kinds();

/// `text` with everything that has a secret's shape masked.
std::string hide_secrets(std::string_view text);

}  // namespace claudebox::base
