// Package prom has histograms with upper bounds (le), in Prometheus' text format. The release of the metrics library that is in
// use has none: those that have print a line while the program starts, before the first line of a log, and a start would wait for
// whoever reads standard error.
package prom
