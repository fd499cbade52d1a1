// Memory that a process can do without while it waits.
#pragma once

namespace claudebox::sys {

/// Gives back what the heap has free and the pages of programs and libraries that were mapped in while they ran:
/// they are in the page cache and come again when they are needed. For a process that waits for hours. Pages that may have been
/// changed stay.
void give_back_memory() noexcept;

}  // namespace claudebox::sys
