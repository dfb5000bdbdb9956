package config

// suggest names what is most like a misspelt name, as the end of an error's
// sentence; nothing if none is near.
func suggest(wrong string, names []string) string {
	best, least := "", 3+min(len(wrong), 40)/8
	for _, name := range names {
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

// spelled are the names of knobs in the spelling of their source.
func spelled(known []knob, spelling func(*knob) string) []string {
	all := make([]string, len(known))
	for i := range known {
		all[i] = spelling(&known[i])
	}
	return all
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
