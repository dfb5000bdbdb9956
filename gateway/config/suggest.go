package config

// suggest names the knob most like a misspelt one, in the spelling of its
// source, as the end of an error's sentence; nothing if none is near.
func suggest(wrong string, spelling func(*knob) string) string {
	best, least := "", 3+min(len(wrong), 40)/8
	for i := range knobs {
		name := spelling(&knobs[i])
		if len(wrong) >= len(name)+least {
			continue // too far by its length alone, and costly to compare if very long
		}
		if d := distance(wrong, name); d < least {
			best, least = name, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is Levenshtein's: insertions, deletions and replacements between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := diagonal
			if a[i] != b[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
