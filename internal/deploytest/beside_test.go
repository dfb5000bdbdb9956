package deploytest

import (
	"strings"
	"testing"
)

// TestSameSessionBesideThePeer plays one client's session through the peer's configuration of a page and through Weir's, in front of
// the same backend: both sides have to see the same.
func TestSameSessionBesideThePeer(t *testing.T) {
	bin := build(t)
	for _, peer := range []struct {
		page, path string
		fields     string // that the backend has to see alike
		command    []string
		around     [2]string // what the peer's file needs before and behind the page's block
	}{
		{
			"nginx", "/ws/",
			"host,connection,upgrade,x-real-ip,x-forwarded-for,x-forwarded-proto,origin,cookie,authorization,x-custom,sec-websocket-protocol",
			[]string{"nginx", "-e", "stderr", "-p", ".", "-c", "nginx.conf"},
			[2]string{nginxFrame, "}\n"},
		},
		{
			"haproxy", "/ws/", "host,connection,upgrade,x-proto,origin,cookie,authorization,x-custom,sec-websocket-protocol",
			[]string{"haproxy", "-db", "-f", "haproxy.cfg"}, [2]string{"global\n    no strict-limits\n", ""},
		},
	} {
		t.Run(peer.page, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, bin)
			page := "docs/recipes/" + peer.page + ".md"
			blocks, _ := split(page, read(t, page))
			for _, b := range blocks {
				name := b.first()
				text := strings.NewReplacer("/etc/ssl/both.pem", r.folder+"/pair.pem",
					"/etc/ssl/chat.pem", r.folder+"/a.pem", "/etc/ssl/chat.key", r.folder+"/a.key").Replace(b.text)
				if fileName.MatchString(name) {
					if name != "weir.yaml" {
						text = peer.around[0] + text + peer.around[1]
					}
					r.write(t, name, text)
				}
			}
			for _, name := range []string{"backend.mjs", "session.mjs"} {
				r.write(t, name, fileText(t, "testdata/beside/"+name))
			}
			script := block{page: page, text: "set -- " + peer.path + " " + peer.fields + " " + strings.Join(peer.command, " ") + "\n" + fileText(t, "testdata/beside/run.sh")}
			r.run(t, script, "sh", "-eu")
		})
	}
}

// nginxFrame runs nginx in the foreground, with its files in the rig's folder.
const nginxFrame = `user root; daemon off; master_process off; pid nginx.pid; events {}
http {
access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
`
