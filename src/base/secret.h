// What looks like a secret, by name and by shape, and how it is shown. Pure.
#pragma once

#include <string>
#include <string_view>

namespace claudebox::base {

/// First 7, "...", last 4 of a value longer than 11, else "***". A value that is not printable ASCII is
/// "***": cut in the middle it would be no text any more.
std::string mask(std::string_view value);

/// Whether a variable's name looks like a secret's: TOKEN, SECRET, PASSWORD, KEY, CREDENTIAL and the like, as
/// words of the name (KEYBOARD is none, MAX_TOKENS and KEY_FILE neither).
bool secret_name(std::string_view name);

/// What kind of secret stands in `text`, by its shape: "a GitHub token". Empty where none does.
std::string_view secret_shape(std::string_view text);

/// `text` with everything that has a secret's shape masked.
std::string hide_secrets(std::string_view text);

}  // namespace claudebox::base
