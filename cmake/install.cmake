# What `cmake --install` puts where (DESTDIR and the GNU folders hold), and the Debian package.
# The unit names the folder of the binary, which is known only when it is installed.
install(TARGETS sigv4-proxy)
install(FILES conf/package/sigv4-proxy.conf DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/sigv4-proxy)
install(FILES conf/package/logrotate RENAME sigv4-proxy DESTINATION ${CMAKE_INSTALL_SYSCONFDIR}/logrotate.d)
install(FILES docs/sigv4-proxy.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES docs/sigv4-proxy.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5)
install(FILES README.md CHANGELOG.md SECURITY.md conf/full.conf conf/grafana-dashboard.json
  DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES conf/completion.bash RENAME sigv4-proxy
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(CODE "
  set(CMAKE_INSTALL_FULL_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\")
  configure_file(\"${PROJECT_SOURCE_DIR}/conf/package/sigv4-proxy.service.in\"
    \"${PROJECT_BINARY_DIR}/installed/sigv4-proxy.service\" @ONLY)")
install(FILES ${PROJECT_BINARY_DIR}/installed/sigv4-proxy.service conf/package/sigv4-proxy.socket
  DESTINATION lib/systemd/system)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME sigv4-proxy)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "sigv4-proxy maintainers <maintainers@sigv4-proxy.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "HTTP proxy that signs requests for AWS")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"A legacy tool sends a plain HTTP request; sigv4-proxy finds AWS credentials
the way the AWS CLI would, signs the request with Signature Version 4 and
sends it to AWS over TLS. The tool needs no SDK and no keys.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_SET_DESTDIR ON) # /etc is no part of the prefix
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ
  GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/package.cmake)
set(CPACK_SIGV4_SOURCE_DIR ${PROJECT_SOURCE_DIR}) # for that script
file(WRITE ${PROJECT_BINARY_DIR}/package/conffiles
  "/etc/sigv4-proxy/sigv4-proxy.conf\n/etc/logrotate.d/sigv4-proxy\n")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/conf/package/postinst
  ${PROJECT_SOURCE_DIR}/conf/package/prerm ${PROJECT_SOURCE_DIR}/conf/package/postrm
  ${PROJECT_BINARY_DIR}/package/conffiles)
include(CPack)
