package rest

import "net/http"

// ReceiptFile responds with a receipt as a file that a browser saves (D28).
func ReceiptFile(receipt string) GatewayResponse {
	response := GatewayResponse{StatusCode: http.StatusOK, Headers: headers("application/jose"), Body: receipt}
	response.Headers["Content-Disposition"] = `attachment; filename="consent-receipt.jws"`
	response.Headers["Referrer-Policy"] = "no-referrer"
	response.Headers["X-Robots-Tag"] = "noindex, nofollow, noarchive"
	return response
}
