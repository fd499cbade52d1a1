// The box's seccomp filter, finished.
#pragma once

#include <string_view>

namespace claudebox::sys {

/// The bytes of a BPF program, for bwrap's --add-seccomp-fd. Made at build time from sys/seccomp_policy.h, so
/// that no start pays for libseccomp. The view is valid for ever.
std::string_view box_seccomp_filter();

}  // namespace claudebox::sys
