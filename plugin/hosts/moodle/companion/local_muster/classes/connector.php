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

use context_module;
use context_system;
use moodle_exception;
use stdClass;

/**
 * Makes what Muster needs in this site, and hands it over.
 *
 * @package    local_muster
 * @copyright  2026 The authors of Muster
 * @license    https://www.gnu.org/copyleft/gpl.html GNU GPL v3 or later
 */
class connector {
    /** @var string[] What the account of Muster may do. */
    const CAPABILITIES = [
        'webservice/rest:use', 'moodle/user:viewdetails', 'moodle/user:viewalldetails', 'moodle/user:viewhiddendetails',
        'moodle/site:viewuseridentity', 'moodle/course:useremail', 'moodle/site:viewparticipants', 'moodle/cohort:view',
        'moodle/course:view', 'moodle/course:viewhiddencourses', 'moodle/course:viewparticipants', 'moodle/site:accessallgroups',
        'moodle/course:enrolreview', 'enrol/manual:enrol', 'enrol/manual:unenrol', 'moodle/role:assign', 'report/completion:view',
        'moodle/site:sendmessage', 'moodle/site:messageanyuser',
    ];
    /** @var string How the token that is made here is called; others are left alone. */
    const TOKEN = 'Muster plugin';
    /** @var string[] What it may call. */
    const FUNCTIONS = [
        'core_webservice_get_site_info', 'core_user_get_users_by_field', 'core_user_get_course_user_profiles',
        'core_enrol_get_enrolled_users', 'core_cohort_search_cohorts', 'core_cohort_get_cohorts',
        'core_cohort_get_cohort_members', 'core_course_get_courses_by_field', 'core_completion_get_course_completion_status',
        'enrol_manual_enrol_users', 'enrol_manual_unenrol_users', 'core_message_send_instant_messages',
        'tool_mobile_call_external_functions', 'tool_mobile_get_config', 'local_muster_get_users',
        'local_muster_get_enrolments', 'local_muster_get_completions', 'local_muster_get_courses', 'local_muster_set_enrolments',
        'local_muster_send_messages',
    ];

    /**
     * Do all of it.
     *
     * @param string $address of Muster
     * @param string $code its one-time code
     * @throws moodle_exception with a sentence
     */
    public static function connect(string $address, string $code): void {
        global $DB;

        $address = rtrim($address, '/');
        self::allow_address($address);
        [$status, , $body] = client::call("$address/companion");
        $offer = json_decode($body, true);
        if ($status !== 200 || !is_array($offer['tool'] ?? null)) {
            throw new moodle_exception('unreachable', 'local_muster', '', "HTTP $status");
        }
        self::switch_on();
        $account = self::account(self::role());
        $token = self::token($account);
        $tool = self::tool($offer['tool']);
        $handover = self::handover($token, $account, $tool);
        $last = (int) $DB->get_field_sql('SELECT MAX(id) FROM {local_muster_queue}');
        $answer = self::hand_over($address, $code, $handover);
        if (get_config('local_muster', 'hooks') !== $answer['hooks']) {
            // Meant for another Muster, or for none that answered: this one reads everything first.
            $DB->delete_records_select('local_muster_queue', 'id <= ?', [$last]);
        }
        set_config('address', $address, 'local_muster');
        set_config('hooks', $answer['hooks'], 'local_muster');
        set_config('due', $answer['due'] ?? '', 'local_muster');
        set_config('secret', $answer['secret'], 'local_muster');
        set_config('checklist', $answer['checklist'] ?? '', 'local_muster');
        set_config('module', self::entrance($tool), 'local_muster');
    }

    /**
     * Let this site call Muster, where it calls no other ports. Which hosts it blocks is for its administrator alone to say.
     *
     * @param string $address of Muster
     * @throws moodle_exception where it blocks this one
     */
    private static function allow_address(string $address): void {
        global $CFG;

        $parts = parse_url($address);
        $port = $parts['port'] ?? null;
        $ports = preg_split('/\s+/', trim($CFG->curlsecurityallowedport ?? ''), -1, PREG_SPLIT_NO_EMPTY);
        if ($port && $ports && !in_array((string) $port, $ports)) {
            set_config('curlsecurityallowedport', implode("\n", [...$ports, $port]));
        }
        if ((new \core\files\curl_security_helper())->url_is_blocked($address)) {
            throw new moodle_exception('blocked', 'local_muster', '', $parts['host'] ?? $address);
        }
    }

    /**
     * Web services and their REST protocol.
     */
    private static function switch_on(): void {
        global $CFG;

        set_config('enablewebservices', 1);
        $protocols = array_filter(explode(',', $CFG->webserviceprotocols ?? ''));
        if (!in_array('rest', $protocols)) {
            set_config('webserviceprotocols', implode(',', [...$protocols, 'rest']));
        }
    }

    /**
     * The role of Muster's account: what it needs, and the right to make somebody a student.
     *
     * @return int its id
     */
    private static function role(): int {
        global $DB;

        $system = context_system::instance();
        $role = $DB->get_field('role', 'id', ['shortname' => 'muster']) ?: create_role(
            get_string('rolename', 'local_muster'),
            'muster',
            get_string('roledescription', 'local_muster')
        );
        set_role_contextlevels($role, [CONTEXT_SYSTEM]);
        foreach (self::CAPABILITIES as $capability) {
            if (get_capability_info($capability)) {
                assign_capability($capability, CAP_ALLOW, $role, $system->id, true);
            }
        }
        $student = self::student();
        if (!$DB->record_exists('role_allow_assign', ['roleid' => $role, 'allowassign' => $student])) {
            core_role_set_assign_allowed($role, $student);
        }
        return (int) $role;
    }

    /**
     * The role that learners get in a course.
     *
     * @return int its id
     */
    private static function student(): int {
        $roles = get_archetype_roles('student');
        $first = reset($roles);
        return $first ? (int) $first->id : 5;
    }

    /**
     * The account of Muster, which nobody can log in with.
     *
     * @param int $role to give it
     * @return int its id
     */
    private static function account(int $role): int {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/user/lib.php');

        $host = parse_url($CFG->wwwroot, PHP_URL_HOST);
        $domain = strpos((string) $host, '.') ? $host : 'example.com';
        $account = $DB->get_field('user', 'id', ['username' => 'muster', 'deleted' => 0]) ?: user_create_user((object) [
            'username' => 'muster',
            'auth' => 'webservice',
            'password' => AUTH_PASSWORD_NOT_CACHED,
            'firstname' => 'Muster',
            'lastname' => 'Connector',
            'email' => "muster@$domain",
            'confirmed' => 1,
            'mnethostid' => $CFG->mnet_localhost_id,
        ], false);
        role_assign($role, $account, context_system::instance()->id);
        return (int) $account;
    }

    /**
     * A service with what Muster calls, and a new token of it; those before it end.
     *
     * @param int $account whose token
     * @return string
     */
    private static function token(int $account): string {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/webservice/lib.php');

        $services = new \webservice();
        $service = $DB->get_field('external_services', 'id', ['shortname' => 'muster']) ?: $services->add_external_service(
            (object) [
                'name' => get_string('servicename', 'local_muster'),
                'shortname' => 'muster',
                'enabled' => 1,
                'restrictedusers' => 0,
                'downloadfiles' => 0,
                'uploadfiles' => 0,
            ]
        );
        self::complete_service();
        $own = ['externalserviceid' => $service, 'userid' => $account, 'name' => self::TOKEN];
        $DB->delete_records('external_tokens', $own);
        return \core_external\util::generate_token(
            EXTERNAL_TOKEN_PERMANENT,
            $DB->get_record('external_services', ['id' => $service], '*', MUST_EXIST),
            $account,
            context_system::instance(),
            0,
            '',
            self::TOKEN
        );
    }

    /**
     * Put every function that Muster calls into the service, where there is one; also those of a newer version.
     */
    public static function complete_service(): void {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/webservice/lib.php');

        $services = new \webservice();
        $service = $DB->get_field('external_services', 'id', ['shortname' => 'muster']);
        foreach ($service ? self::FUNCTIONS : [] as $function) {
            if (
                $DB->record_exists('external_functions', ['name' => $function])
                && !$services->service_function_exists($function, $service)
            ) {
                $services->add_external_function_to_service($function, $service);
            }
        }
    }

    /**
     * Muster as an external tool, ready to be used; the one there is, where it was registered before.
     *
     * @param array $offered how Muster wants to be registered
     * @return stdClass id and clientid
     */
    private static function tool(array $offered): stdClass {
        global $CFG, $DB;
        require_once($CFG->dirroot . '/mod/lti/locallib.php');

        $target = $offered['https://purl.imsglobal.org/spec/lti-tool-configuration']['target_link_uri'];
        $known = $DB->get_records_select(
            'lti_types',
            'clientid IS NOT NULL AND ' . $DB->sql_compare_text('baseurl', 500) . ' = ' . $DB->sql_compare_text(':url', 500),
            ['url' => $target],
            'id DESC'
        );
        if ($type = reset($known)) {
            $DB->set_field('lti_types', 'state', LTI_TOOL_STATE_CONFIGURED, ['id' => $type->id]);
            return (object) ['id' => (int) $type->id, 'clientid' => $type->clientid];
        }
        $helper = \mod_lti\local\ltiopenid\registration_helper::get();
        $clientid = $helper->new_clientid();
        $config = $helper->registration_to_config($offered, $clientid);
        $config->lti_coursevisible = LTI_COURSEVISIBLE_ACTIVITYCHOOSER;
        $type = new stdClass();
        $type->state = LTI_TOOL_STATE_CONFIGURED;
        $type->description = $config->lti_description ?? '';
        $id = lti_add_type($type, $config);
        return (object) ['id' => (int) $id, 'clientid' => $clientid];
    }

    /**
     * What Muster is told.
     *
     * @param string $token of the service
     * @param int $account whose it is
     * @param stdClass $tool the registration
     * @return array
     */
    private static function handover(string $token, int $account, stdClass $tool): array {
        global $CFG, $SITE;

        return [
            'site' => $CFG->wwwroot,
            'name' => html_entity_decode(
                format_string($SITE->fullname, true, ['context' => context_system::instance()]),
                ENT_QUOTES | ENT_HTML5
            ),
            'zone' => \core_date::get_server_timezone(),
            'language' => $CFG->lang,
            'release' => $CFG->release,
            'token' => $token,
            'account' => (string) $account,
            'role' => self::student(),
            'client_id' => $tool->clientid,
            'deployment_id' => (string) $tool->id,
            'auth_url' => $CFG->wwwroot . '/mod/lti/auth.php',
            'token_url' => $CFG->wwwroot . '/mod/lti/token.php',
            'jwks_url' => $CFG->wwwroot . '/mod/lti/certs.php',
        ];
    }

    /**
     * Hand it over, signed with the code.
     *
     * @param string $address of Muster
     * @param string $code one-time
     * @param array $handover what to say
     * @return array where events go, and what signs them
     */
    private static function hand_over(string $address, string $code, array $handover): array {
        $secret = signing::secret_of_code($code);
        $body = json_encode($handover, JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
        $headers = signing::headers($secret, 'msg_' . random_string(24), $body);
        [$status, $found, $answer] = client::call("$address/companion", $body, $headers);
        $said = json_decode($answer, true);
        if ($status !== 200) {
            throw new moodle_exception('nottaken', 'local_muster', '', $said['detail'] ?? "HTTP $status");
        }
        if (!signing::fits($secret, $found, $answer) || empty($said['hooks']) || empty($said['secret'])) {
            throw new moodle_exception('answernotsigned', 'local_muster');
        }
        return $said;
    }

    /**
     * The tool on the site home, not shown there, which everybody who is logged in may open.
     *
     * @param stdClass $tool the registration
     * @return int the id of its course module
     */
    private static function entrance(stdClass $tool): int {
        global $CFG, $DB, $SITE;
        require_once($CFG->dirroot . '/course/modlib.php');

        $module = (int) get_config('local_muster', 'module');
        $known = $module ? get_coursemodule_from_id('lti', $module) : false;
        if ($known && (int) $DB->get_field('lti', 'typeid', ['id' => $known->instance]) === $tool->id) {
            return $module;
        }
        course_create_sections_if_missing($SITE, [1]);
        $info = add_moduleinfo((object) [
            'modulename' => 'lti',
            'module' => $DB->get_field('modules', 'id', ['name' => 'lti'], MUST_EXIST),
            'course' => $SITE->id,
            'section' => 1,
            'visible' => 1,
            'visibleoncoursepage' => 0,
            'name' => get_string('certifications', 'local_muster'),
            'typeid' => $tool->id,
            'toolurl' => '',
            'introeditor' => ['text' => '', 'format' => FORMAT_HTML, 'itemid' => 0],
            'cmidnumber' => '',
            'launchcontainer' => LTI_LAUNCH_CONTAINER_EMBED_NO_BLOCKS,
            'instructorchoicesendname' => 1,
            'instructorchoicesendemailaddr' => 1,
            'instructorchoiceacceptgrades' => 0,
            'grade' => 0,
            'groupmode' => 0,
            'groupingid' => 0,
            'completion' => 0,
            'showtitlelaunch' => 0,
            'showdescriptionlaunch' => 0,
        ], $SITE);
        $context = context_module::instance($info->coursemodule);
        foreach ([$CFG->defaultfrontpageroleid ?? 0, $CFG->defaultuserroleid ?? 0] as $role) {
            if ($role) {
                assign_capability('mod/lti:view', CAP_ALLOW, $role, $context->id, true);
            }
        }
        return (int) $info->coursemodule;
    }
}
