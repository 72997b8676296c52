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

namespace local_muster\external;

use context_system;
use core_external\external_api;
use core_external\external_function_parameters;
use core_external\external_multiple_structure;
use core_external\external_single_structure;
use core_external\external_value;
use core_user;
use core\message\message;

/**
 * Tells people something as notifications of Muster's, each once.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class send_messages extends external_api {
    /** @var int Seconds for which a key is known again. */
    const KEPT = 30 * DAYSECS;

    /**
     * Parameters.
     *
     * @return external_function_parameters
     */
    public static function execute_parameters(): external_function_parameters {
        return new external_function_parameters([
            'messages' => new external_multiple_structure(new external_single_structure([
                'key' => new external_value(PARAM_RAW, 'Names the message: one that was sent is not sent again'),
                'userid' => new external_value(PARAM_INT, 'To whom'),
                'subject' => new external_value(PARAM_TEXT, 'Subject'),
                'text' => new external_value(PARAM_RAW, 'Plain text'),
                'html' => new external_value(PARAM_RAW, 'The same as HTML', VALUE_DEFAULT, ''),
                'link' => new external_value(PARAM_URL, 'Where it leads', VALUE_DEFAULT, ''),
            ])),
        ]);
    }

    /**
     * Send them. Each stands alone: one that fails costs no other.
     *
     * @param array $messages what to send
     * @return array
     */
    public static function execute(array $messages): array {
        global $DB;

        $asked = self::validate_parameters(self::execute_parameters(), compact('messages'));
        $context = context_system::instance();
        self::validate_context($context);
        require_capability('moodle/site:sendmessage', $context);
        $DB->delete_records_select('local_muster_sent', 'timecreated < :old', ['old' => time() - self::KEPT]);
        $found = [];
        foreach ($asked['messages'] as $one) {
            [$outcome, $why] = self::send($one);
            $found[] = ['key' => $one['key'], 'outcome' => $outcome, 'why' => $why];
        }
        return ['outcomes' => $found];
    }

    /**
     * One message.
     *
     * @param array $one as asked
     * @return string[] outcome, and why
     */
    private static function send(array $one): array {
        global $DB;

        $user = core_user::get_user($one['userid']);
        if (!$user || $user->deleted) {
            return ['gone', ''];
        }
        // Its hash, since keys are of any length; written before anything is sent, so that a repeat finds it.
        $sent = ['messagekey' => hash('sha256', $one['key']), 'timecreated' => time()];
        if ($DB->record_exists('local_muster_sent', ['messagekey' => $sent['messagekey']])) {
            return ['same', ''];
        }
        try {
            $row = $DB->insert_record('local_muster_sent', (object) $sent);
        } catch (\dml_write_exception $exception) {
            return ['same', '']; // Somebody else is sending it now.
        }
        try {
            $taken = message_send(self::message($one, $user));
            $why = $taken ? '' : get_string('nottakenmessage', 'local_muster');
        } catch (\moodle_exception $exception) {
            [$taken, $why] = [false, $exception->getMessage()];
        }
        if (!$taken) {
            $DB->delete_records('local_muster_sent', ['id' => $row]);
        }
        return [$taken ? 'done' : 'refused', $why];
    }

    /**
     * It as a notification.
     *
     * @param array $one as asked
     * @param \stdClass $user to whom
     * @return message
     */
    private static function message(array $one, \stdClass $user): message {
        $message = new message();
        $message->component = 'local_muster';
        $message->name = 'certification';
        $message->notification = 1;
        $message->courseid = SITEID;
        $message->userfrom = core_user::get_noreply_user();
        $message->userto = $user;
        $message->subject = $one['subject'];
        $message->fullmessage = $one['text'];
        $message->fullmessageformat = FORMAT_PLAIN;
        $message->fullmessagehtml = $one['html'] !== '' ? clean_text($one['html'], FORMAT_HTML) : text_to_html($one['text']);
        $message->smallmessage = $one['subject'];
        if ($one['link'] !== '') {
            $message->contexturl = $one['link'];
            $message->contexturlname = get_string('certifications', 'local_muster');
        }
        return $message;
    }

    /**
     * What comes back.
     *
     * @return external_single_structure
     */
    public static function execute_returns(): external_single_structure {
        return new external_single_structure([
            'outcomes' => new external_multiple_structure(new external_single_structure([
                'key' => new external_value(PARAM_RAW, 'Which message'),
                'outcome' => new external_value(PARAM_ALPHA, 'done, same, gone or refused'),
                'why' => new external_value(PARAM_RAW, 'Why it was refused'),
            ])),
        ]);
    }
}
