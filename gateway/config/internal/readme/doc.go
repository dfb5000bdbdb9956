// Command readme writes the tables of knobs and of metrics into a README, between their marks.
package main
