# What Debian wants of a package beside what `cmake --install` gives: compressed pages, a changelog in
# its form, the copyright. Run by CPack on the tree before it is packed.
set(root "${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share")
set(doc "${root}/doc/${CPACK_PACKAGE_NAME}")
file(COPY "${CPACK_SIGV4_SOURCE_DIR}/conf/package/copyright" DESTINATION "${doc}"
  FILE_PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
file(WRITE "${doc}/changelog" "${CPACK_PACKAGE_NAME} (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium

  * See /usr/share/doc/${CPACK_PACKAGE_NAME}/CHANGELOG.md.gz.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
file(GLOB_RECURSE pages "${root}/man/*.[0-9]")
foreach(file ${pages} "${doc}/changelog" "${doc}/CHANGELOG.md")
  execute_process(COMMAND gzip -9nf "${file}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
