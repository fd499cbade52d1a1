#include "sys/seccomp.h"

namespace claudebox::sys {
namespace {

constexpr unsigned char kFilter[] = {
#include "sys/box_filter.inc"
};

}  // namespace

std::string_view box_seccomp_filter() {
  return {reinterpret_cast<const char*>(kFilter), sizeof kFilter};
}

}  // namespace claudebox::sys
