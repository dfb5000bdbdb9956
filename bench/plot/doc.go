// Package plot draws a report's figures as SVG: bars of one figure by peer, lines over a linear or
// logarithmic axis, and latency percentiles as HdrHistogram's users know them. It knows nothing of
// what is measured. The same data gives the same bytes, text stays text, and the background is white
// so that a dark page does not swallow the axes.
package plot
