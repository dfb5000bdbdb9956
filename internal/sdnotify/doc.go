// Package sdnotify tells systemd how far a service has come (sd_notify(3)).
package sdnotify
