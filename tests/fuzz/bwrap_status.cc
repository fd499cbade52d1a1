// What bwrap reports, in pieces.
#include "runtime/bwrap_status.h"
#include "fuzz.h"

namespace claudebox::fuzz {

void run(Bytes input) {
  runtime::BwrapStatus in_pieces;
  Pieces pieces(input);
  std::string whole;
  while (!pieces.empty()) {
    const auto text = text_of(pieces.piece());
    in_pieces.feed(text);
    whole += text;
  }
  runtime::BwrapStatus at_once;
  at_once.feed(whole);
  must(in_pieces.started() == at_once.started() && in_pieces.exit_code() == at_once.exit_code());
}

}  // namespace claudebox::fuzz
