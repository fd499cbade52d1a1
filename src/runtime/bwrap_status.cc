#include "runtime/bwrap_status.h"

#include <nlohmann/json.hpp>

namespace claudebox::runtime {
namespace {

constexpr std::size_t kLongestDocument = 65536;

}  // namespace

void BwrapStatus::feed(std::string_view bytes) {
  pending_ += bytes;
  for (std::size_t end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n')) {
    read_document(std::string_view(pending_).substr(0, end));
    pending_.erase(0, end + 1);
  }
  if (pending_.size() > kLongestDocument) pending_.clear();
}

void BwrapStatus::read_document(std::string_view line) {
  const auto document = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!document.is_object()) return;
  if (document.contains("child-pid")) started_ = true;
  const auto code = document.find("exit-code");
  if (code != document.end() && code->is_number_integer()) {
    const auto value = code->get<std::int64_t>();
    if (value >= 0 && value <= 255) exit_code_ = static_cast<int>(value);
  }
}

}  // namespace claudebox::runtime
