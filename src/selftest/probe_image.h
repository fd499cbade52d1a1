// The probe, as it was built: a static program of some hundred kilobytes.
#pragma once

#include <string_view>

namespace claudebox::selftest {

/// The bytes of its ELF file. Valid for ever.
std::string_view probe_image();

}  // namespace claudebox::selftest
