// Package bytesize reads and writes binary multiples of bytes: "64KiB", "1MiB", "2GiB". "64K" and "64KB" are taken to
// mean 64KiB.
package bytesize
