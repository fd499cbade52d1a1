// The agent's credential file.
#include "plan/credential.h"
#include "fuzz.h"

namespace claudebox::fuzz {

void run(Bytes input) {
  const auto read = plan::read_credential(text_of(input));
  if (const auto* credential = std::get_if<plan::Credential>(&read)) {
    // What goes into a box is no more than a part of it, can be read again, and can't be renewed with.
    const auto again = plan::read_credential(credential->for_box);
    const auto* in_box = std::get_if<plan::Credential>(&again);
    must(in_box != nullptr && !in_box->renewable);
    must(in_box->for_box == credential->for_box);
  }
}

}  // namespace claudebox::fuzz
