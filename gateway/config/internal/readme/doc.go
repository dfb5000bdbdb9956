// Command readme writes the table of knobs into a README, between its marks.
package main
