// Package prom has what every process tells Prometheus of itself, and histograms, in Prometheus' text format.
//
// It stands in place of a library because it says nothing while the program starts: what a package prints then comes before the
// first line of a log, is not written as that is, and waits for whoever reads standard error.
package prom
