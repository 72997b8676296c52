<?php
/**
 * Arranges a Moodle of one's own for the tests of tests/peers, on the machine that it runs on. It changes the whole site: web
 * services on, HTTP security open, no mail. Never run it on a Moodle that others use.
 *
 *   php tests/peers/moodle_arrange.php MOODLE arrange               prints the variables that the tests read; may be repeated
 *
 * What no web service does, the tests do by these:
 *
 *   php tests/peers/moodle_arrange.php MOODLE complete COURSE USER  completes a course; USER 0 lets the course be completed by hand
 *   php tests/peers/moodle_arrange.php MOODLE close COURSE          takes manual enrolments away from a course
 *   php tests/peers/moodle_arrange.php MOODLE allow CAPABILITY 0|1  takes a capability from the account's role, or gives it back
 *   php tests/peers/moodle_arrange.php MOODLE set NAME VALUE        one of the settings in SETTINGS
 *   php tests/peers/moodle_arrange.php MOODLE companion ADDRESS CODE  connects by Muster's plugin, which is installed there
 *   php tests/peers/moodle_arrange.php MOODLE tasks                 runs what Muster's plugin has queued, as cron does
 *   php tests/peers/moodle_arrange.php MOODLE queued                prints how many changes wait to be told to Muster
 *   php tests/peers/moodle_arrange.php MOODLE begun                 has the queued task begun, as when it is at its last row; prints how many wait to begin
 *   php tests/peers/moodle_arrange.php MOODLE ended                 ends what has begun so
 *   php tests/peers/moodle_arrange.php MOODLE welcome COURSE        has the course greet whom is enrolled by hand
 *   php tests/peers/moodle_arrange.php MOODLE greeted USER          prints how many welcome messages somebody was sent
 *   php tests/peers/moodle_arrange.php MOODLE plugins               prints which of Muster's plugins are installed
 *   php tests/peers/moodle_arrange.php MOODLE uninstall             takes Muster's plugins out, with what they made, and deletes their folders
 *   php tests/peers/moodle_arrange.php MOODLE unpack FILE PLUGIN    unpacks an archive where plugins of its kind are, as a server's administrator does
 *   php tests/peers/moodle_arrange.php MOODLE notified USER         prints the subjects of Muster's notifications to somebody
 *   php tests/peers/moodle_arrange.php MOODLE dashboard             puts Muster's block on everybody's dashboard
 *   php tests/peers/moodle_arrange.php MOODLE cleanup               cleans up after deleted users, as Moodle's own hourly task does
 *   php tests/peers/moodle_arrange.php MOODLE multilang 0|1         the filter for texts of several languages, also in headings
 *   php tests/peers/moodle_arrange.php MOODLE valid TOKEN UNTIL     until when a token is valid, 0 for ever; one that Moodle deleted is made again
 *   php tests/peers/moodle_arrange.php MOODLE sync COURSE COHORT    enrols a cohort by cohort sync
 *   php tests/peers/moodle_arrange.php MOODLE hooks ADDRESS         changes where Muster's plugin tells changes; prints where it told them
 *   php tests/peers/moodle_arrange.php MOODLE many PEOPLE DONE      writes so many people and completions straight into the tables; they stay
 *   php tests/peers/moodle_arrange.php MOODLE bare                  reads everybody and all completions by bare SQL; prints seconds and rows
 *   php tests/peers/moodle_arrange.php MOODLE menu                  prints the pages of its administration, each with the way to it
 *   php tests/peers/moodle_arrange.php MOODLE german                the site's language is German (the words of the installer and Muster's)
 *   php tests/peers/moodle_arrange.php MOODLE english               and back
 *
 * MOODLE is the folder with the site's config.php. Run it as the user whom PHP runs as there.
 */

define('CLI_SCRIPT', true);
if ($argc < 3 || !is_file("$argv[1]/config.php")) {
    fwrite(STDERR, "usage: php moodle_arrange.php MOODLE arrange | complete COURSE USER | close COURSE | allow CAPABILITY 0|1 | set NAME VALUE | companion ADDRESS CODE | tasks | …\n");
    exit(2);
}
require("$argv[1]/config.php");
require_once("$CFG->dirroot/webservice/lib.php");
require_once("$CFG->dirroot/user/lib.php");
require_once("$CFG->dirroot/user/profile/lib.php");
require_once("$CFG->dirroot/user/profile/definelib.php");
require_once("$CFG->libdir/completionlib.php");
require_once("$CFG->dirroot/completion/completion_completion.php");
require_once("$CFG->dirroot/completion/criteria/completion_criteria_self.php");

\core\session\manager::set_user(get_admin());

/** What docs/hosts/moodle.md has an administrator allow and add. */
const CAPABILITIES = [
    'webservice/rest:use', 'moodle/user:viewdetails', 'moodle/user:viewalldetails', 'moodle/user:viewhiddendetails',
    'moodle/site:viewuseridentity', 'moodle/course:useremail', 'moodle/site:viewparticipants', 'moodle/cohort:view',
    'moodle/course:view', 'moodle/course:viewhiddencourses', 'moodle/course:viewparticipants', 'moodle/site:accessallgroups',
    'moodle/course:enrolreview', 'enrol/manual:enrol', 'enrol/manual:unenrol', 'moodle/role:assign', 'report/completion:view',
    'moodle/site:sendmessage', 'moodle/site:messageanyuser',
];
const FUNCTIONS = [
    'core_webservice_get_site_info', 'core_user_get_users_by_field', 'core_user_get_course_user_profiles',
    'core_enrol_get_enrolled_users', 'core_cohort_search_cohorts', 'core_cohort_get_cohorts', 'core_cohort_get_cohort_members',
    'core_course_get_courses_by_field', 'core_completion_get_course_completion_status', 'enrol_manual_enrol_users',
    'enrol_manual_unenrol_users', 'core_message_send_instant_messages', 'tool_mobile_call_external_functions', 'tool_mobile_get_config',
];
/** What the tests themselves call besides. */
const ARRANGING = [
    'core_user_create_users', 'core_user_update_users', 'core_user_delete_users', 'core_course_create_courses',
    'core_course_update_courses', 'core_course_delete_courses', 'core_cohort_create_cohorts', 'core_cohort_add_cohort_members',
    'core_cohort_delete_cohorts', 'core_enrol_get_enrolled_users', 'enrol_manual_enrol_users', 'enrol_manual_unenrol_users',
    'core_user_get_users_by_field', 'gradereport_user_get_grade_items',
];

const SETTINGS = ['enablewebservices', 'webserviceprotocols', 'maintenance_enabled', 'curlsecurityallowedport'];

function settings(): void {
    global $DB;
    foreach ([
        'enablewebservices' => 1, 'webserviceprotocols' => 'rest', 'maintenance_enabled' => 0, 'enablecompletion' => 1, 'noemailever' => 1,
        'curlsecurityblockedhosts' => '', 'curlsecurityallowedport' => '', 'lang' => 'en',
    ] as $name => $value) {
        set_config($name, $value);
    }
    $DB->set_field('user', 'lang', 'en'); // Of an account that was made while the site was German, Muster takes its language.
    $DB->set_field('tool_usertours_tours', 'enabled', 0); // They stand in front of what a test clicks.
}

function profile_fields(): void {
    global $DB;
    $category = $DB->get_field_select('user_info_category', 'MIN(id)', '1 = 1')
        ?: $DB->insert_record('user_info_category', (object) ['name' => 'Work', 'sortorder' => 1]);
    foreach (['orgpath' => 'Organisation', 'position' => 'Position', 'manager' => 'Manager'] as $short => $name) {
        if (!$DB->record_exists('user_info_field', ['shortname' => $short])) {
            profile_save_field((object) [
                'datatype' => 'text', 'shortname' => $short, 'name' => $name, 'description' => ['text' => '', 'format' => FORMAT_HTML],
                'categoryid' => $category, 'required' => 0, 'locked' => 0, 'visible' => PROFILE_VISIBLE_ALL, 'forceunique' => 0,
                'signup' => 0, 'defaultdata' => '', 'defaultdataformat' => FORMAT_HTML, 'param1' => 30, 'param2' => 2048,
                'param3' => 0, 'param4' => '', 'param5' => '',
            ], []);
        }
    }
}

/** The role of Muster's account: just the capabilities above, and the right to make somebody a student. */
function role(): int {
    global $DB;
    $role = $DB->get_field('role', 'id', ['shortname' => 'muster']) ?: create_role('Muster', 'muster', 'Reads people, enrols learners');
    set_role_contextlevels($role, [CONTEXT_SYSTEM]);
    foreach (CAPABILITIES as $capability) {
        assign_capability($capability, CAP_ALLOW, $role, context_system::instance()->id, true);
    }
    $student = $DB->get_field('role', 'id', ['shortname' => 'student'], MUST_EXIST);
    if (!$DB->record_exists('role_allow_assign', ['roleid' => $role, 'allowassign' => $student])) {
        core_role_set_assign_allowed($role, $student);
    }
    return (int) $role;
}

function account(int $role): int {
    global $DB, $CFG;
    $id = $DB->get_field('user', 'id', ['username' => 'muster']) ?: user_create_user((object) [
        'username' => 'muster', 'password' => 'Connector-1!', 'firstname' => 'Muster', 'lastname' => 'Connector',
        'email' => 'muster@example.com', 'confirmed' => 1, 'mnethostid' => $CFG->mnet_localhost_id, 'auth' => 'manual',
    ]);
    role_assign($role, $id, context_system::instance()->id);
    return (int) $id;
}

function token(string $short, string $name, array $functions, int $user): string {
    global $DB;
    $services = new webservice();
    $service = $DB->get_field('external_services', 'id', ['shortname' => $short]) ?: $services->add_external_service((object) [
        'name' => $name, 'shortname' => $short, 'enabled' => 1, 'restrictedusers' => 0, 'downloadfiles' => 0, 'uploadfiles' => 0,
    ]);
    foreach ($functions as $function) {
        if (!$services->service_function_exists($function, $service)) {
            $services->add_external_function_to_service($function, $service);
        }
    }
    // The plugin's own is replaced whenever it connects.
    $wanted = 'externalserviceid = ? AND userid = ? AND tokentype = ? AND name <> ?';
    $values = [$service, $user, EXTERNAL_TOKEN_PERMANENT, 'Muster plugin'];
    return $DB->get_field_select('external_tokens', 'token', $wanted, $values, IGNORE_MULTIPLE)
        ?: \core_external\util::generate_token(EXTERNAL_TOKEN_PERMANENT, (object) ['id' => $service, 'name' => $name], $user, context_system::instance());
}

/** Lets the course be completed by each learner herself, and does so for one of them, as her own button does. */
function complete(int $course, int $user): void {
    global $DB;
    if (!$DB->record_exists('course_completion_criteria', ['course' => $course])) {
        $data = (object) ['id' => $course, 'criteria_self' => 1];
        (new completion_criteria_self())->update_config($data);
    }
    if ($user) {
        $info = new completion_info(get_course($course));
        aggregate_completions($info->get_completion($user, COMPLETION_CRITERIA_TYPE_SELF)->mark_complete());
    }
}

/** Takes the manual enrolments away, as an administrator does on the page of enrolment methods. */
function close(int $course): void {
    global $DB;
    foreach ($DB->get_records('enrol', ['courseid' => $course, 'enrol' => 'manual']) as $instance) {
        enrol_get_plugin('manual')->delete_instance($instance);
    }
}

function allow(string $capability, bool $allowed): void {
    global $DB;
    $role = $DB->get_field('role', 'id', ['shortname' => 'muster'], MUST_EXIST);
    assign_capability($capability, $allowed ? CAP_ALLOW : CAP_INHERIT, $role, context_system::instance()->id, true);
}

/** Has a course greet whom is enrolled by hand, in the site's own name. */
function welcome(int $course): void {
    global $DB;
    $DB->set_field('enrol', 'customint1', ENROL_SEND_EMAIL_FROM_NOREPLY, ['courseid' => $course, 'enrol' => 'manual']);
}

/** How many welcome messages somebody was sent. */
function greeted(int $user): int {
    global $DB;
    return $DB->count_records('notifications', ['useridto' => $user, 'eventtype' => 'enrolcoursewelcomemessage']);
}

/** Which of Muster's plugins are installed. */
function plugins(): array {
    return array_filter(['local_muster', 'block_muster'], fn(string $name): bool => (bool) get_config($name, 'version'));
}

/** Takes them out, the block first, and what connecting made; as a new administrator finds her site. */
function uninstall(): void {
    global $CFG, $DB;
    require_once("$CFG->libdir/adminlib.php");
    require_once("$CFG->dirroot/course/lib.php");
    $module = (int) get_config('local_muster', 'module');
    if ($module && get_coursemodule_from_id('lti', $module)) {
        course_delete_module($module);
    }
    ob_start();
    foreach (array_reverse(plugins()) as $name) {
        uninstall_plugin(...explode('_', $name));
    }
    ob_end_clean();
    foreach (['local', 'blocks'] as $place) {
        fulldelete("$CFG->dirroot/$place/muster");
    }
    $service = $DB->get_field('external_services', 'id', ['shortname' => 'muster']);
    $DB->delete_records('external_tokens', ['externalserviceid' => $service, 'name' => 'Muster plugin']);
    purge_all_caches();
}

/** The subjects of Muster's notifications to somebody, a line each. */
function notified(int $user): string {
    global $DB;
    $found = $DB->get_records('notifications', ['useridto' => $user, 'component' => 'local_muster'], 'id', 'id, subject');
    return implode("\n", array_column($found, 'subject'));
}

function multilang(bool $on): void {
    global $CFG;
    require_once("$CFG->libdir/filterlib.php");
    filter_set_global_state('multilang', $on ? TEXTFILTER_ON : TEXTFILTER_DISABLED);
    filter_set_applies_to_strings('multilang', $on);
    purge_all_caches();
}

/** A token is valid until an instant. Moodle deletes one that is used later. */
function valid(string $token, int $until): void {
    global $DB;
    if (!$DB->record_exists('external_tokens', ['token' => $token])) {
        $service = $DB->get_record('external_services', ['shortname' => 'muster'], '*', MUST_EXIST);
        $account = $DB->get_field('user', 'id', ['username' => 'muster'], MUST_EXIST);
        $made = \core_external\util::generate_token(EXTERNAL_TOKEN_PERMANENT, $service, $account, context_system::instance());
        $DB->set_field('external_tokens', 'token', $token, ['token' => $made]);
    }
    $DB->set_field('external_tokens', 'validuntil', $until, ['token' => $token]);
}

/** As an administrator adds *Cohort sync* on the page of enrolment methods. */
function sync(int $course, int $cohort): void {
    global $CFG, $DB;
    require_once("$CFG->dirroot/enrol/cohort/locallib.php");
    $student = $DB->get_field('role', 'id', ['shortname' => 'student'], MUST_EXIST);
    enrol_get_plugin('cohort')->add_instance(get_course($course), ['customint1' => $cohort, 'roleid' => $student, 'customint2' => 0]);
    enrol_cohort_sync(new null_progress_trace(), $course);
}

/** Straight into the tables, where Moodle's own way would take an hour: people with three profile fields, and completions of ten courses. */
function many(int $people, int $done): void {
    global $CFG, $DB;
    require_once("$CFG->dirroot/course/lib.php");
    $there = $DB->count_records_select('user', "username LIKE 'many%'");
    $fields = $DB->get_records_menu('user_info_field', null, '', 'shortname, id');
    $users = [];
    for ($number = $there; $number < $people; $number++) {
        $users[] = [
            'username' => "many$number", 'auth' => 'manual', 'confirmed' => 1, 'mnethostid' => $CFG->mnet_localhost_id, 'firstname' => "Given$number",
            'lastname' => 'Some & Many', 'email' => "many$number@example.com", 'idnumber' => "MANY$number", 'city' => 'Aarhus', 'country' => 'DK',
            'department' => 'Claims', 'institution' => 'Northfield', 'timecreated' => time(), 'timemodified' => time(), 'lang' => 'en',
        ];
    }
    $DB->insert_records('user', $users);
    $ids = $DB->get_fieldset_select('user', 'id', "username LIKE 'many%' ORDER BY id");
    $data = [];
    foreach (array_slice($ids, $there, null, true) as $number => $id) {
        $values = ['orgpath' => '/Many/Unit ' . $number % 300, 'position' => 'Adjuster ' . $number % 20, 'manager' => 'many' . intdiv($number, 12)];
        foreach ($values as $name => $value) {
            $data[] = ['userid' => $id, 'fieldid' => $fields[$name], 'data' => $value, 'dataformat' => 0];
        }
    }
    $DB->insert_records('user_info_data', $data);
    $rows = [];
    for ($course = 0; count($rows) < $done && !$there; $course++) {
        $made = create_course((object) ['fullname' => "Many $course", 'shortname' => "many$course-" . time(), 'category' => 1, 'enablecompletion' => 1]);
        foreach (array_slice($ids, 0, $done - count($rows)) as $id) {
            $rows[] = ['userid' => $id, 'course' => $made->id, 'timeenrolled' => 0, 'timestarted' => 0, 'timecompleted' => time() - 86400, 'reaggregate' => 0];
        }
    }
    $DB->insert_records('course_completions', $rows);
}

/** The rows that Muster is given, and nothing done with them. */
function bare(): string {
    global $DB;
    $began = microtime(true);
    $rows = 0;
    foreach ([
        'SELECT id, username, firstname, lastname, email, idnumber, department, institution, city, country, suspended, lang, timezone, firstaccess
           FROM {user} WHERE deleted = 0 ORDER BY id',
        'SELECT d.userid, f.shortname, d.data FROM {user_info_data} d JOIN {user_info_field} f ON f.id = d.fieldid ORDER BY d.userid',
        'SELECT id, userid, course, timecompleted FROM {course_completions} WHERE timecompleted > 0 ORDER BY id',
    ] as $sql) {
        foreach ($DB->get_recordset_sql($sql) as $row) {
            $rows++;
        }
    }
    return sprintf('%.3f %d', microtime(true) - $began, $rows);
}

/** As an administrator does on *Default Dashboard page*, and resets it for everybody. */
function dashboard(): void {
    global $CFG, $DB;
    require_once("$CFG->dirroot/my/lib.php");
    $page = $DB->get_record('my_pages', ['userid' => null, 'name' => MY_PAGE_DEFAULT, 'private' => MY_PAGE_PRIVATE], '*', MUST_EXIST);
    if (!$DB->record_exists('block_instances', ['blockname' => 'muster', 'subpagepattern' => $page->id])) {
        $blocks = new block_manager(new moodle_page());
        $made = (object) [
            'blockname' => 'muster', 'parentcontextid' => context_system::instance()->id, 'showinsubcontexts' => 0,
            'pagetypepattern' => 'my-index', 'subpagepattern' => $page->id, 'defaultregion' => 'content', 'defaultweight' => -5,
            'requiredbytheme' => 0, 'configdata' => '', 'timecreated' => time(), 'timemodified' => time(),
        ];
        $made->id = $DB->insert_record('block_instances', $made);
        context_block::instance($made->id);
    }
    my_reset_page_for_all_users(MY_PAGE_PRIVATE, 'my-index');
}

/** The ways to the pages of an administration's category. */
function ways(admin_category $category, string $way): array {
    $found = [];
    foreach ($category->get_children() as $child) {
        if ($child->check_access() && !$child->is_hidden()) {
            $here = "$way › " . trim(strip_tags($child->visiblename));
            $found = [...$found, ...($child instanceof admin_category ? ways($child, $here) : [$here])];
        }
    }
    return $found;
}

/** As *Site administration* shows them: what is small has no tab of its own and stands under General. */
function menu(): array {
    global $CFG;
    require_once("$CFG->libdir/adminlib.php");
    $found = [];
    foreach (admin_get_root(true, false)->get_children() as $top) {
        $below = $top instanceof admin_category ? $top->get_children() : [];
        $tab = count($below) >= 8 || array_filter($below, fn($child) => $child instanceof admin_category);
        $here = ($tab ? '' : 'General › ') . $top->visiblename;
        $found = [...$found, ...($below ? ways($top, $here) : [$here])];
    }
    return $found;
}

/** A pack that has the words of Moodle's own installer: the full one comes from Moodle's server, which a test does not ask. */
function german(): void {
    global $CFG;
    foreach (glob("$CFG->dirroot/install/lang/de/*.php") as $file) {
        make_writable_directory("$CFG->dataroot/lang/de");
        copy($file, "$CFG->dataroot/lang/de/" . basename($file));
    }
    set_config('lang', 'de');
    purge_all_caches();
}

/** Runs the tasks of Muster's plugin as one run of cron does. */
function tasks(): void {
    (new \local_muster\task\send_waiting())->execute();
    while ($task = \core\task\manager::get_next_adhoc_task(time(), true, '\\local_muster\\task\\send')) {
        $task->execute();
        \core\task\manager::adhoc_task_complete($task);
    }
}

[$what, $first, $second] = [$argv[2], $argv[3] ?? '', $argv[4] ?? ''];
if ($what === 'complete') {
    complete((int) $first, (int) $second);
} else if ($what === 'close') {
    close((int) $first);
} else if ($what === 'allow' && in_array($first, CAPABILITIES, true)) {
    allow($first, (bool) $second);
} else if ($what === 'set' && in_array($first, SETTINGS, true)) {
    set_config($first, $second);
} else if ($what === 'companion') {
    \local_muster\connector::connect($first, $second);
} else if ($what === 'tasks') {
    tasks();
} else if ($what === 'queued') {
    echo $DB->count_records('local_muster_queue'), "\n";
} else if ($what === 'begun') {
    $send = ['classname' => '\\local_muster\\task\\send'];
    echo $DB->count_records('task_adhoc', $send + ['timestarted' => null]), "\n";
    $DB->set_field('task_adhoc', 'timestarted', time(), $send);
} else if ($what === 'ended') {
    $DB->delete_records_select('task_adhoc', 'classname = ? AND timestarted IS NOT NULL', ['\\local_muster\\task\\send']);
} else if ($what === 'welcome') {
    welcome((int) $first);
} else if ($what === 'greeted') {
    echo greeted((int) $first), "\n";
} else if ($what === 'plugins') {
    echo implode(' ', plugins()), "\n";
} else if ($what === 'uninstall') {
    uninstall();
} else if ($what === 'unpack') {
    $place = \core_component::get_plugin_types()[explode('_', $second)[0]];
    get_file_packer('application/zip')->extract_to_pathname($first, $place);
} else if ($what === 'notified') {
    echo notified((int) $first), "\n";
} else if ($what === 'dashboard') {
    dashboard();
} else if ($what === 'cleanup') {
    (new \core\task\context_cleanup_task())->execute();
} else if ($what === 'multilang') {
    multilang((bool) $first);
} else if ($what === 'valid') {
    valid($first, (int) $second);
} else if ($what === 'sync') {
    sync((int) $first, (int) $second);
} else if ($what === 'hooks') {
    echo get_config('local_muster', 'hooks'), "\n";
    set_config('hooks', $first, 'local_muster');
} else if ($what === 'many') {
    many((int) $first, (int) $second);
} else if ($what === 'bare') {
    echo bare(), "\n";
} else if ($what === 'menu') {
    echo implode("\n", menu()), "\n";
} else if ($what === 'german') {
    german();
} else if ($what === 'english') {
    set_config('lang', 'en');
    purge_all_caches();
} else if ($what !== 'arrange') {
    fwrite(STDERR, "unknown: $what $first\n");
    exit(2);
}
if ($what !== 'arrange') {
    exit(0);
}
settings();
profile_fields();
$account = account(role());
purge_all_caches();
token('muster', 'Muster', FUNCTIONS, $account);
if (plugins()) {
    \local_muster\connector::complete_service();
}
foreach ([
    'URL' => $CFG->wwwroot,
    'TOKEN' => token('muster', 'Muster', FUNCTIONS, $account),
    'ADMIN_TOKEN' => token('muster_tests', 'Tests of Muster', ARRANGING, (int) get_admin()->id),
    'COMMAND' => 'php ' . escapeshellarg(__FILE__) . ' ' . escapeshellarg($CFG->dirroot),
] as $name => $value) {
    echo "export MUSTER_PEER_MOODLE_$name=" . escapeshellarg($value) . "\n";
}
echo "# MUSTER_PEER_MOODLE_LOGIN is yours to set: the administrator as name:password\n";
