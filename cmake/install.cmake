# What `cmake --install` and the Debian package put in place. The man page and the completions are printed by the
# program itself, from the one tree of commands that it parses with.
set(generated ${PROJECT_BINARY_DIR}/generated)
set(man_page ${generated}/claudebox.1.gz)
set(completions ${generated}/completions)
find_program(GZIP gzip REQUIRED)
file(MAKE_DIRECTORY ${completions})

add_custom_command(OUTPUT ${man_page} DEPENDS claudebox VERBATIM
                   COMMAND claudebox __man > ${generated}/claudebox.1
                   COMMAND ${GZIP} -9nf ${generated}/claudebox.1)
set(profile_schema ${generated}/profile.schema.json)
add_custom_command(OUTPUT ${profile_schema} DEPENDS claudebox VERBATIM
                   COMMAND claudebox __profile-schema > ${profile_schema})
foreach(shell bash zsh fish)
  add_custom_command(OUTPUT ${completions}/${shell} DEPENDS claudebox VERBATIM
                     COMMAND claudebox completion ${shell} > ${completions}/${shell})
endforeach()
add_custom_target(reference ALL DEPENDS ${man_page} ${profile_schema} ${completions}/bash ${completions}/zsh ${completions}/fish)

install(TARGETS claudebox RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES ${profile_schema} DESTINATION ${CMAKE_INSTALL_DATADIR}/claudebox)
install(FILES ${man_page} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${completions}/bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME claudebox)
install(FILES ${completions}/fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d RENAME claudebox.fish)
# Debian's zsh looks into /usr/share/zsh/vendor-completions and /usr/local/share/zsh/site-functions. Decided when it is
# installed, so that one build tree makes the package (whose prefix ends in /usr) and a plain installation.
install(CODE "
  set(directory site-functions)
  if(EXISTS /etc/debian_version AND CMAKE_INSTALL_PREFIX MATCHES \"/usr$\")
    set(directory vendor-completions)
  endif()
  file(INSTALL DESTINATION \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DATADIR}/zsh/\${directory}\" TYPE FILE RENAME _claudebox
       FILES \"${completions}/zsh\")")
# Beside the program, not in /etc/apparmor.d: a system whose AppArmor does not know the rule `userns` (before 4.0)
# would stumble over it at boot. The package's postinst and `claudebox check` say when it belongs there.
install(FILES ${PROJECT_SOURCE_DIR}/packaging/apparmor/claudebox DESTINATION ${CMAKE_INSTALL_DATADIR}/claudebox/apparmor)
install(DIRECTORY docs/profiles DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md ARCHITECTURE.md SECURITY.md docs/threat-model.md docs/json.md docs/profiles.md
        DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)

# --- the Debian package: cpack --config build/release/CPackConfig.cmake ---------------------------------------------

set(debian ${PROJECT_SOURCE_DIR}/packaging/debian)
configure_file(${debian}/changelog.in ${generated}/changelog @ONLY)
add_custom_command(OUTPUT ${generated}/changelog.gz ${generated}/changelog.Debian.gz VERBATIM
                   DEPENDS ${PROJECT_SOURCE_DIR}/CHANGELOG.md ${generated}/changelog
                   COMMAND ${GZIP} -9nc ${PROJECT_SOURCE_DIR}/CHANGELOG.md > ${generated}/changelog.gz
                   COMMAND ${GZIP} -9nc ${generated}/changelog > ${generated}/changelog.Debian.gz)
add_custom_target(changelogs ALL DEPENDS ${generated}/changelog.gz ${generated}/changelog.Debian.gz)
install(FILES ${generated}/changelog.gz ${generated}/changelog.Debian.gz ${debian}/copyright
        DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES ${debian}/lintian-overrides DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME claudebox)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME claudebox)
set(CPACK_PACKAGE_VENDOR "The claudebox authors")
set(CPACK_PACKAGE_CONTACT "The claudebox authors <claudebox@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "run coding agents without permission prompts in a sandbox")
set(CPACK_PACKAGE_DESCRIPTION
"claudebox runs Claude Code, or any other command, with its permission prompts
off, in a bubblewrap sandbox on the current project. Only the project is
writable; the rest of the home directory is not there, secrets in the
environment stay outside, and what later runs on the host, such as git hooks,
is read-only. The agent has the internet but not the local network. Before the
start it shows what the sandbox gets.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "bubblewrap (>= 0.8.0), slirp4netns (>= 1.2.0)")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS git)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${debian}/postinst ${debian}/prerm ${debian}/postrm)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
include(CPack)
