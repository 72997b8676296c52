<?php
// This file is part of Moodle - https://moodle.org/
//
// Moodle is free software: you can redistribute it and/or modify
// it under the terms of the GNU General Public License as published by
// the Free Software Foundation, either version 3 of the License, or
// (at your option) any later version.
//
// Moodle is distributed in the hope that it will be useful,
// but WITHOUT ANY WARRANTY; without even the implied warranty of
// MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE.  See the
// GNU General Public License for more details.
//
// You should have received a copy of the GNU General Public License
// along with Moodle.  If not, see <https://www.gnu.org/licenses/>.

namespace local_muster;

/**
 * Messages signed as Standard Webhooks says.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class signing {
    /** @var int Seconds that a message may be old. */
    const TOLERANCE = 300;

    /**
     * The secret that both sides make of a one-time code, which never travels itself.
     *
     * @param string $code as Muster shows it
     * @return string whsec_ and base64
     */
    public static function secret_of_code(string $code): string {
        $plain = strtoupper(preg_replace('/[^A-Za-z0-9]/', '', $code));
        return 'whsec_' . base64_encode(hash('sha256', $plain, true));
    }

    /**
     * Headers for a message.
     *
     * @param string $secret whsec_ and base64
     * @param string $id of the message, the same for every attempt
     * @param string $body raw
     * @return string[] as curl takes them
     */
    public static function headers(string $secret, string $id, string $body): array {
        $at = time();
        return [
            'Content-Type: application/json',
            'Webhook-Id: ' . $id,
            'Webhook-Timestamp: ' . $at,
            'Webhook-Signature: ' . self::sign($secret, $id, $at, $body),
        ];
    }

    /**
     * Whether an answer is from somebody who knows the secret.
     *
     * @param string $secret whsec_ and base64
     * @param array $headers by name in lower case
     * @param string $body raw
     * @return bool
     */
    public static function fits(string $secret, array $headers, string $body): bool {
        $id = $headers['webhook-id'] ?? '';
        $at = (int) ($headers['webhook-timestamp'] ?? 0);
        if ($id === '' || abs(time() - $at) > self::TOLERANCE) {
            return false;
        }
        $expected = self::sign($secret, $id, $at, $body);
        foreach (explode(' ', $headers['webhook-signature'] ?? '') as $one) {
            if (hash_equals($expected, $one)) {
                return true;
            }
        }
        return false;
    }

    /**
     * One signature.
     *
     * @param string $secret whsec_ and base64
     * @param string $id of the message
     * @param int $at seconds since 1970
     * @param string $body raw
     * @return string
     */
    private static function sign(string $secret, string $id, int $at, string $body): string {
        $key = base64_decode(preg_replace('/^whsec_/', '', $secret));
        return 'v1,' . base64_encode(hash_hmac('sha256', "$id.$at.$body", $key, true));
    }
}
