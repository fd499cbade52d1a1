// The question before a start.
#pragma once

#include <string>

namespace claudebox::cli {

enum class Answer {
  yes,
  no,         ///< also the end of input
  interrupt,  ///< Ctrl-C
  nobody,     ///< there is no terminal to ask on
};

/// What a line of answer means; an empty one is `empty`. Pure.
enum class Reply { yes, no, unclear };
Reply understand(const std::string& line, Reply empty = Reply::yes);

/// Asks `question` on the terminal and waits for a line. What was shown before it stands on standard error, so
/// where that is no terminal, or the answer can't be typed, nobody is asked.
Answer ask(const std::string& question, Reply empty = Reply::yes);

}  // namespace claudebox::cli
