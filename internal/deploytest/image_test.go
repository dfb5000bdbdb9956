package deploytest

import (
	"slices"
	"strings"
	"testing"
)

// TestImageListens: the image alone can be reached from outside, and leaves to a mounted file what that says.
func TestImageListens(t *testing.T) {
	cfg := load(t, "image.yaml", "--config", top+"deploy/image.yaml", "--upstream=ws://10.0.0.1:9000")
	if !slices.Equal(cfg.Listen, []string{":8080"}) || cfg.Admin != ":9090" {
		t.Errorf("listens on %v, admin on %s", cfg.Listen, cfg.Admin)
	}
	docker := read(t, "deploy/Dockerfile")
	const path = "/etc/weir/weir.yaml\n"
	if !strings.Contains(docker, "deploy/image.yaml "+path) || !strings.Contains(docker, "ENV WEIR_CONFIG="+path) {
		t.Error("the image does not read its file")
	}
	for line := range strings.Lines(docker) {
		if strings.HasPrefix(line, "ENV") && line != "ENV WEIR_CONFIG="+path {
			t.Errorf("a variable goes before a mounted file: %s", line)
		}
	}
}
