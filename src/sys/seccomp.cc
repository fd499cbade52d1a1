#include "sys/seccomp.h"

namespace claudebox::sys {
namespace {

constexpr unsigned char kFilter[] = {
#include "sys/box_filter.inc"
};

constexpr unsigned char kGatewayFilter[] = {
#include "sys/gateway_filter.inc"
};

}  // namespace

std::string_view gateway_seccomp_filter() {
  return {reinterpret_cast<const char*>(kGatewayFilter), sizeof kGatewayFilter};
}

std::string_view box_seccomp_filter() {
  return {reinterpret_cast<const char*>(kFilter), sizeof kFilter};
}

}  // namespace claudebox::sys
