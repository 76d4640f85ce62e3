# What the compiler and the linker can do against mistakes in C; tools/check-hardening looks whether
# it is in the binary.
include(CheckCCompilerFlag)
include(CheckPIESupported)

set(CMAKE_POSITION_INDEPENDENT_CODE ON)
check_pie_supported(LANGUAGES C)
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)

# Control-flow integrity in hardware: CET on x86-64, branch protection on aarch64.
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$")
  set(branch_flag -mbranch-protection=standard)
else()
  set(branch_flag -fcf-protection=full)
endif()
check_c_compiler_flag(${branch_flag} SIGV4_HAS_BRANCH_PROTECTION)
check_c_compiler_flag(-fstack-clash-protection SIGV4_HAS_STACK_CLASH)

target_compile_options(build_flags INTERFACE -fstack-protector-strong
  $<$<BOOL:${SIGV4_HAS_BRANCH_PROTECTION}>:${branch_flag}>
  $<$<BOOL:${SIGV4_HAS_STACK_CLASH}>:-fstack-clash-protection>)
# It needs an optimiser.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  set(level 2)
  if(CMAKE_C_COMPILER_ID STREQUAL "GNU" AND CMAKE_C_COMPILER_VERSION VERSION_GREATER_EQUAL 12)
    set(level 3)
  endif()
  target_compile_options(build_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${level})
endif()
