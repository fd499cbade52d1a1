// The plan that was approved last, so that only what is new is asked about.
#include "instance/layout.h"
#include "instance/lock.h"

namespace claudebox::instance {

namespace {
constexpr std::size_t kLimit = std::size_t{16} << 20U;
}

std::optional<std::string> approved_plan(const plan::Plan& plan) {
  const auto instances = open_instances(state_root_of(plan), plan.uid);
  if (!instances) return std::nullopt;
  auto content = sys::read_file_beneath(*instances, plan.instance.id + "/" + kApproved, kLimit);
  if (auto* text = std::get_if<std::string>(&content)) return std::move(*text);
  return std::nullopt;  // missing or no file of ours: the person is asked again
}

void store_approved(const plan::Plan& plan, const std::string& text) {
  const auto [directory, mutex] = lock_instance(plan);
  sys::replace_file(directory, kApproved, text);
}

}  // namespace claudebox::instance
