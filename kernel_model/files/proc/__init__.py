"""procfs and sysfs: what /proc and /sys show, made from the kernel's state when it is read (fs/proc/, fs/sysfs/)."""
