# One interface target carries the flags that every target of ours is built with.
add_library(claudebox_options INTERFACE)
target_include_directories(claudebox_options INTERFACE ${PROJECT_SOURCE_DIR}/src ${PROJECT_BINARY_DIR}/generated)
target_compile_definitions(claudebox_options INTERFACE
  _GNU_SOURCE FMT_HEADER_ONLY CLAUDEBOX_VERSION="${PROJECT_VERSION}")
target_compile_options(claudebox_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
  -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE)
# libstdc++ is the largest single cost of a start (0.6 ms of dynamic linking), so it is linked in.
target_link_options(claudebox_options INTERFACE
  -static-libstdc++ -static-libgcc -pie -Wl,-z,relro,-z,now,-z,noexecstack)
if(CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT CLAUDEBOX_SANITIZE)
  target_compile_options(claudebox_options INTERFACE -D_FORTIFY_SOURCE=2)
endif()
if(CLAUDEBOX_SANITIZE)
  # vptr asks the kernel, by a pipe, whether memory can be read: the gateway's filter ends it for that.
  target_compile_options(claudebox_options INTERFACE
    -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(claudebox_options INTERFACE -fsanitize=address,undefined)
endif()
if(CLAUDEBOX_COVERAGE)
  target_compile_options(claudebox_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(claudebox_options INTERFACE --coverage)
endif()
if(CLAUDEBOX_FUZZ)
  # clang sees that libstdc++ 12 uses what it deprecates itself, in std::stable_sort.
  target_compile_options(claudebox_options INTERFACE -fsanitize=fuzzer-no-link -Wno-deprecated-declarations)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
