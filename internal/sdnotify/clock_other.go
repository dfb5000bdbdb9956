//go:build !linux

package sdnotify

func monotonic() string { return "0" } // there is no systemd
