package kubetest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
)

// isExec tells a request to run a command in a pod. A world answers its path with what every command writes there and its exit
// status: stdout, stderr, exit.
func isExec(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/exec") && websocket.IsWebSocketUpgrade(r)
}

// answerExec speaks the server's side of remotecommand's protocol, version 5: the first byte of a message is its channel.
func answerExec(out http.ResponseWriter, r *http.Request, answer map[string]any) {
	upgrader := websocket.Upgrader{Subprotocols: []string{remotecommand.StreamProtocolV5Name}}
	connection, err := upgrader.Upgrade(out, r, nil)
	if err != nil {
		return // the client was answered
	}
	defer connection.Close()
	send := func(channel byte, data []byte) {
		_ = connection.WriteMessage(websocket.BinaryMessage, append([]byte{channel}, data...))
	}
	text := func(key string) []byte { found, _ := answer[key].(string); return []byte(found) }
	send(remotecommand.StreamStdOut, text("stdout"))
	send(remotecommand.StreamStdErr, text("stderr"))
	status := metav1.Status{Status: metav1.StatusSuccess}
	if exit := fmt.Sprint(answer["exit"]); answer["exit"] != nil && exit != "0" {
		status = metav1.Status{Status: metav1.StatusFailure, Reason: remotecommand.NonZeroExitCodeReason, Details: &metav1.StatusDetails{
			Causes: []metav1.StatusCause{{Type: remotecommand.ExitCodeCauseType, Message: exit}}}}
	}
	data, _ := json.Marshal(status)
	send(remotecommand.StreamErr, data)
	_ = connection.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}
