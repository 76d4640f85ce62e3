# SIGV4_COMMIT: what --version names. A build from an archive passes -DSIGV4_COMMIT=... itself.
set(SIGV4_COMMIT "" CACHE STRING "commit that --version names; empty: asked of git")
set(commit "${SIGV4_COMMIT}")
if(NOT commit AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
  execute_process(COMMAND git rev-parse --short=12 HEAD WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  execute_process(COMMAND git rev-parse --git-path logs/HEAD WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE head_log OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  get_filename_component(head_log "${head_log}" ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})
  if(EXISTS "${head_log}" AND NOT IS_DIRECTORY "${head_log}") # it grows with each commit
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${head_log}")
  endif()
endif()
if(NOT commit)
  set(commit unknown)
endif()
set_source_files_properties(proxy/main.c PROPERTIES COMPILE_DEFINITIONS
  "SIGV4_COMMIT=\"${commit}\"")
set_source_files_properties(proxy/settings.c PROPERTIES COMPILE_DEFINITIONS
  "SIGV4_CONF=\"${CMAKE_INSTALL_FULL_SYSCONFDIR}/sigv4-proxy/sigv4-proxy.conf\"")
