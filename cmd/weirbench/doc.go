// Command weirbench measures WebSocket gateways: any one, or several beside each other. It needs Linux.
package main
