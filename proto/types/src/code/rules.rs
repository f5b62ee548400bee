//! The codes of identity, policy, governance and contracts.

macro_rules! rule_codes {
    ($($given:tt)*) => {
        codes! {
            $($given)*

            /// The table gives the sender's roles no such right.
            RoleDenied = 2101 "ROLE_DENIED" Receipt
                zh: "主体的角色无权办理 {0}" => "请由有权的角色办理"
                en: "none of the sender's roles may do {0}" => "someone with the right role must do this";
            /// Signed with a key that was revoked from an earlier height on.
            KeyRevoked = 2102 "KEY_REVOKED" Receipt
                zh: "签名密钥自高度 {0} 起已吊销" => "请改用该主体的其他有效密钥重新签名"
                en: "the signing key is revoked from height {0} on" => "sign again with another key of the sender";
            /// Signed with a key that begins later.
            KeyEarly = 2103 "KEY_EARLY" Receipt
                zh: "签名密钥自高度 {0} 起才生效" => "请先使用原密钥，或等待生效"
                en: "the signing key begins at height {0}" => "use the present key, or wait";
            /// The key is or was somebody's.
            KeyTaken = 2104 "KEY_TAKEN" Receipt
                zh: "该密钥已登记过，不能再次登记" => "请生成新的密钥"
                en: "this key is or was registered and cannot be registered again" => "make a new key";
            /// A principal's row is full of keys still in force.
            KeysFull = 2105 "KEYS_FULL" Receipt
                zh: "有效密钥已达 {0} 把" => "请先吊销不用的密钥"
                en: "the principal has {0} keys in force" => "revoke one that is not used";
            /// Without this key nobody could act for the principal.
            LastKey = 2106 "LAST_KEY" Receipt
                zh: "吊销后该主体将没有可用密钥" => "请先登记新密钥，生效高度不晚于吊销高度"
                en: "without this key the principal would have none" => "add another key first, in force no later than this one ends";
            /// A height that lies before the next block, or too far ahead.
            KeyHeight = 2107 "KEY_HEIGHT" Receipt
                zh: "高度 {0} 不在 {1} 至 {2} 之间" => "请改用下一区块或更晚的高度"
                en: "height {0} does not lie between {1} and {2}" => "choose the next block or a later one";
            /// No such principal.
            NoPrincipal = 2108 "NO_PRINCIPAL" Receipt
                zh: "账本上没有主体 {0}" => "请核对主体编号"
                en: "there is no principal {0}" => "check the principal id";
            /// No such organisation.
            NoOrganisation = 2109 "NO_ORGANISATION" Receipt
                zh: "账本上没有机构 {0}" => "请核对机构编号，或先办理准入"
                en: "there is no organisation {0}" => "check the number, or have it admitted first";
            /// The role belongs to another kind of organisation.
            WrongOrganisation = 2110 "WRONG_ORGANISATION" Receipt
                zh: "角色 {0} 不能由该类机构的人员担任" => "请核对机构类别与角色"
                en: "people of this kind of organisation do not hold the role {0}" => "check the organisation and the role";
            /// Two roles that no one holds together.
            RolesExcluded = 2111 "ROLES_EXCLUDED" Receipt
                zh: "同一主体不能兼任 {0} 与 {1}" => "请由另一人担任，或先撤销原角色"
                en: "no one holds both {0} and {1}" => "choose someone else, or withdraw the other role first";
            /// Two seats of the council.
            TwoSeats = 2112 "TWO_SEATS" Receipt
                zh: "同一主体不能占有两个议事席位" => "请由另一人任席，或先撤销原席位"
                en: "no one holds two seats of the council" => "choose someone else, or withdraw the other seat first";
            /// The role is not held.
            NoRole = 2113 "NO_ROLE" Receipt
                zh: "主体没有角色 {0}" => "请核对角色"
                en: "the principal does not hold the role {0}" => "check the role";
            /// A recovery waits already.
            RecoveryPending = 2114 "RECOVERY_PENDING" Receipt
                zh: "该主体已有恢复申请，等待至 {0}" => "请等待期满，或先取消"
                en: "a recovery of this principal waits until {0}" => "wait, or cancel it first";
            /// No recovery waits.
            NoRecovery = 2115 "NO_RECOVERY" Receipt
                zh: "该主体没有待办的恢复申请" => "请先发起恢复"
                en: "no recovery of this principal waits" => "start one first";
            /// The recovery still waits.
            RecoveryWaits = 2116 "RECOVERY_WAITS" Receipt
                zh: "恢复等待期至 {0} 届满，现为 {1}" => "请期满后再办；本人可用原密钥取消"
                en: "the recovery waits until {0}; it is {1}" => "come back then; the person may cancel it with a present key";
            /// No mandate covers this.
            NoMandate = 2117 "NO_MANDATE" Receipt
                zh: "没有授权可代其办理 {0}" => "请由本人办理，或先取得授权"
                en: "no mandate covers {0}" => "the principal must do this, or give a mandate first";
            /// The mandate's time is over.
            MandateExpired = 2118 "MANDATE_EXPIRED" Receipt
                zh: "授权已于 {0} 到期" => "请本人重新授权"
                en: "the mandate ended at {0}" => "ask the principal for a new one";
            /// More than the mandate's cap of the day.
            MandateCap = 2119 "MANDATE_CAP" Receipt
                zh: "今日已代办 {0}，再办 {1} 将超过每日上限 {2}" => "请减少数额、改日办理，或由本人办理"
                en: "{0} was spent today; {1} more would exceed the cap of {2}" => "ask for less, wait for tomorrow, or let the principal do it";
            /// What no mandate may name.
            MandateScope = 2120 "MANDATE_SCOPE" Receipt
                zh: "授权不能包括 {0}" => "请从授权范围中删除"
                en: "no mandate may name {0}" => "leave it out of the scope";
            /// The principal or a relative did what excludes this duty.
            SeparationOfDuty = 2122 "SEPARATION_OF_DUTY" Receipt
                zh: "同一记录上，{0} 与 {1} 须由无关联的两人分别办理" => "请由另一人办理"
                en: "{0} and {1} of one record need two unrelated people" => "someone else must do this";
            /// An end that is past or too far ahead.
            Expiry = 2123 "EXPIRY" Receipt
                zh: "到期时间 {0} 不在 {1} 至 {2} 之间" => "请重新选择到期时间"
                en: "the end {0} does not lie between {1} and {2}" => "choose another end";
            /// A device may not do this.
            DeviceDenied = 2124 "DEVICE_DENIED" Receipt
                zh: "设备只能签署证据，不能办理 {0}" => "请由人员办理"
                en: "a device signs evidence and may not do {0}" => "a person must do this";
            /// No such attestation is in force.
            NoAttestation = 2125 "NO_ATTESTATION" Receipt
                zh: "没有有效的证明" => "请先办理证明"
                en: "no such attestation is in force" => "have it attested first";
            /// More than a bound of the identity room.
            TooMany = 2126 "TOO_MANY" Receipt
                zh: "{0} 最多 {1} 项" => "请减少后重试"
                en: "{0}: at most {1}" => "leave some out";
            /// A contract called what only people may.
            DirectOnly = 2127 "DIRECT_ONLY" Receipt
                zh: "{0} 只能由交易直接调用" => "请联系合约维护方"
                en: "{0} is called by a transaction itself, never by a contract" => "tell the contract's keeper";
            /// A transaction called what only contracts may.
            ContractOnly = 2128 "CONTRACT_ONLY" Receipt
                zh: "{0} 只能由合约调用" => "请通过相应的业务合约办理"
                en: "{0} is called by contracts only" => "use the contract of that business";

            /// The version would begin in the past.
            PolicyPast = 2201 "POLICY_PAST" Receipt
                zh: "生效时间 {0} 不晚于区块时间 {1}" => "请选择将来的生效时间"
                en: "the version would begin at {0}; it is {1}" => "choose a time to come";
            /// The version would begin before its lock is over.
            TimeLock = 2202 "TIME_LOCK" Receipt
                zh: "生效时间 {0} 早于公示期满 {1}" => "请把生效时间推迟到公示期满之后"
                en: "the version would begin at {0}, before its time lock ends at {1}" => "choose a later time";
            /// The version would begin before one that was set earlier.
            PolicyOrder = 2203 "POLICY_ORDER" Receipt
                zh: "生效时间 {0} 不晚于已排定版本的 {1}" => "请选择更晚的生效时间"
                en: "the version would begin at {0}, not after the one set for {1}" => "choose a later time";
            /// The version would begin too far ahead.
            PolicyAhead = 2204 "POLICY_AHEAD" Receipt
                zh: "生效时间 {0} 晚于最远 {1}" => "请选择较近的生效时间"
                en: "the version would begin at {0}, after the latest time {1}" => "choose an earlier time";
            /// The author knew another last version.
            PolicyBase = 2205 "POLICY_BASE" Receipt
                zh: "最新版本为 {1}，不是 {0}" => "请核对最新版本后重新提交"
                en: "the last version is {1}, not {0}" => "look at the last version and submit again";
            /// No such native parameter.
            ParamUnknown = 2206 "PARAM_UNKNOWN" Receipt
                zh: "没有参数 {0}" => "请核对参数编号"
                en: "there is no parameter {0}" => "check the parameter's number";
            /// A parameter out of its range.
            ParamRange = 2207 "PARAM_RANGE" Receipt
                zh: "{0} 为 {1}，须在 {2} 至 {3} 之间" => "请改用允许的数值"
                en: "{0} is {1}; it must be {2} to {3}" => "choose a value within the range";
            /// Weights that do not add up to 100.
            Weights = 2208 "WEIGHTS" Receipt
                zh: "权重合计 {0}，须恰为 100，共 {1} 项" => "请核对各项权重"
                en: "the weights add up to {0}; they must give 100 over {1} parts" => "check the weights";
            /// The calendar lacks the year.
            CalendarMissing = 2209 "CALENDAR_MISSING" Receipt
                zh: "工作日历没有 {0} 年" => "请先发布该年的工作日历"
                en: "the calendar of working days has no year {0}" => "have that year published first";
            /// A year that cannot be one.
            BadCalendar = 2210 "BAD_CALENDAR" Receipt
                zh: "{0} 年的工作日历不合规" => "请按每日一位、整年提交，年末之后为零"
                en: "the year {0} of the calendar is malformed" => "give one bit per day for the whole year, zeros after its last day";
            /// A table out of order, with repetitions, or too long.
            BadTable = 2211 "BAD_TABLE" Receipt
                zh: "表 {0} 次序有误、有重复或过长" => "请升序、不重复地提交"
                en: "the table {0} is out of order, names something twice, or is too long" => "give it in ascending order, each once";
            /// Nothing would change.
            PolicyEmpty = 2212 "POLICY_EMPTY" Receipt
                zh: "没有任何改动" => "请至少改动一项"
                en: "nothing would change" => "change one thing at least";
            /// Too many versions wait.
            PolicyFull = 2213 "POLICY_FULL" Receipt
                zh: "待生效的版本已达 {0} 个" => "请等待其中之一生效"
                en: "{0} versions wait for their time" => "wait until one of them begins";
            /// No version held then.
            NoPolicy = 2214 "NO_POLICY" Receipt
                zh: "当时没有生效的版本" => "请核对时间或高度"
                en: "no version was in force then" => "check the time or the height";

            /// No such motion.
            NoMotion = 2301 "NO_MOTION" Receipt
                zh: "没有编号为 {0} 的议案" => "请核对议案编号"
                en: "there is no motion {0}" => "check the motion's id";
            /// Votes are not taken, or no longer.
            MotionClosed = 2302 "MOTION_CLOSED" Receipt
                zh: "该议案已截止表决" => "请查询议案的结果"
                en: "voting on this motion has ended" => "look up what became of it";
            /// The closing time is too early or too late.
            MotionClose = 2303 "MOTION_CLOSE" Receipt
                zh: "截止时间 {0} 不在允许范围 {1} 至 {2} 内" => "请重新选择截止时间"
                en: "the closing time {0} is not between {1} and {2}" => "choose another closing time";
            /// The deed needs two thirds.
            ThresholdLow = 2304 "THRESHOLD_LOW" Receipt
                zh: "该事项须以三分之二特别多数通过" => "请以特别多数重新提出议案"
                en: "what is moved needs two thirds" => "open the motion as SPECIAL";
            /// The seat has voted.
            AlreadyVoted = 2305 "ALREADY_VOTED" Receipt
                zh: "该席位已就此议案表决" => "无需再次表决"
                en: "this seat has voted on the motion" => "nothing more is needed";
            /// The seat is recused, or its organisation is concerned.
            Conflicted = 2306 "CONFLICTED" Receipt
                zh: "该席位与此议案有利害关系，不能表决" => "请声明回避"
                en: "this seat has a conflict of interest and cannot vote" => "recuse the seat";
            /// The seat came after the motion opened, or is gone.
            SeatLater = 2307 "SEAT_LATER" Receipt
                zh: "议案提出时该席位尚不存在" => "只有议案提出前已有的席位可以表决"
                en: "this seat did not stand when the motion opened" => "only seats that stood then may vote";
            /// The district has nothing to decide.
            NotEscalated = 2308 "NOT_ESCALATED" Receipt
                zh: "该议案未提交区级裁定" => "请查询议案的状态"
                en: "the motion is not the district's to decide" => "look up where it stands";
            /// The council decides this.
            MotionNeeded = 2309 "MOTION_NEEDED" Receipt
                zh: "理事会已成立，此事须由议案决定" => "请向理事会提出议案"
                en: "the council stands: a motion decides this" => "open a motion";
            /// The organisation's quota is used up.
            Quota = 2310 "QUOTA" Receipt
                zh: "本机构今日的 {0} 配额已用尽：已用 {1}，上限 {2}" => "请于次日（北京时间）再提交，或提出议案调整配额"
                en: "the organisation's {0} quota of today is used up: {1} of {2}" => "go on tomorrow (UTC+8), or move a larger quota";
            /// The opener's places are taken.
            OpenerFull = 2311 "OPENER_FULL" Receipt
                zh: "您提出的议案中已有 {0} 件正在办理" => "请等待其中之一办结，或撤回一件"
                en: "{0} motions of yours are under way" => "wait until one of them ends, or withdraw one";
            /// A chamber would have no seat.
            ChamberEmpty = 2312 "CHAMBER_EMPTY" Receipt
                zh: "{0} 所在界别将没有席位" => "请在同一议案中补任席位"
                en: "the chamber of {0} would be left without a seat" => "give a seat of it in the same motion";
            /// The key signs or signed for a validator of the set.
            ValidatorKnown = 2330 "VALIDATOR_KNOWN" Receipt
                zh: "密钥 {0} 已属于现任验证节点" => "请为新节点生成新的密钥"
                en: "the key {0} belongs to a validator already" => "make a new key for the new node";
            /// No validator of the set has the key.
            NoValidator = 2331 "NO_VALIDATOR" Receipt
                zh: "现任验证节点中没有密钥 {0}" => "请查询 governance.Validators 核对密钥"
                en: "no validator has the key {0}" => "look at governance.Validators and check the key";
            /// A key that no careful signer would have made.
            ValidatorKeyWeak = 2332 "VALIDATOR_KEY_WEAK" Receipt
                zh: "密钥 {0} 不合规" => "请用 linli key new 生成新的密钥"
                en: "the key {0} is not acceptable" => "make a new key with `linli key new`";
            /// A name that stands already, or that may not stand.
            ValidatorName = 2333 "VALIDATOR_NAME" Receipt
                zh: "验证节点名称已被使用，或不合规" => "请另取名称，只用文字、数字、连字符"
                en: "the validator's name is taken or may not stand" => "choose another of letters, digits and hyphens";
            /// Too few or too many.
            ValidatorCount = 2334 "VALIDATOR_COUNT" Receipt
                zh: "变更后将有 {0} 个验证节点，须为 {1} 至 {2} 个" => "请先增加再移除"
                en: "there would be {0} validators; a chain has {1} to {2}" => "add one before you remove one";
            /// No power, or too much.
            ValidatorPower = 2335 "VALIDATOR_POWER" Receipt
                zh: "表决权 {0} 须在 1 至 {1} 之间" => "请改用允许的数值"
                en: "the power {0} must be 1 to {1}" => "choose a power within the range";
            /// One organisation could block the chain alone (V2).
            OrganisationTooStrong = 2336 "ORGANISATION_TOO_STRONG" Receipt
                zh: "机构 {0} 将占表决权 {2} 中的 {1}；任何机构须少于三分之一" => "请调整表决权，或先增加其他机构的节点"
                en: "organisation {0} would hold {1} of {2}; each must hold less than one third" => "change the powers, or add nodes of others first";
            /// Organisations of one kind could stop the others (V2).
            KindTooStrong = 2337 "KIND_TOO_STRONG" Receipt
                zh: "{0} 类机构将占表决权 {2} 中的 {1}；任何一类须少于一半" => "请调整表决权，或先增加其他类机构的节点"
                en: "organisations of the kind {0} would hold {1} of {2}; each kind must hold less than one half" => "change the powers, or add nodes of other kinds first";
            /// The change leaves everything as it is.
            ValidatorSame = 2338 "VALIDATOR_SAME" Receipt
                zh: "没有任何改动" => "无需办理"
                en: "nothing would change" => "there is nothing to do";
            /// Not above the version in force.
            ProtocolVersion = 2340 "PROTOCOL_VERSION" Receipt
                zh: "协议版本 {0} 须高于现行版本 {1}" => "请核对版本号"
                en: "protocol {0} must be above the {1} in force" => "check the version";
            /// A height that has passed, or lies too far ahead.
            ProtocolHeight = 2341 "PROTOCOL_HEIGHT" Receipt
                zh: "生效高度 {0} 须在 {1} 至 {2} 之间" => "请选择将来的高度，并给各节点留出升级时间"
                en: "the height {0} must lie between {1} and {2}" => "choose a height to come that leaves every node time to upgrade";
            /// The bytes do not begin where the last ones ended.
            CodeOffset = 2350 "CODE_OFFSET" Receipt
                zh: "下一段代码应从第 {1} 字节开始，收到的从第 {0} 字节开始" => "请从该处续传，或从 0 重新开始"
                en: "the bytes begin at {0}; the next ones begin at {1}" => "go on from there, or begin anew at 0";
            /// The whole does not have its hash.
            CodeHash = 2351 "CODE_HASH" Receipt
                zh: "代码全文与其摘要不符" => "请核对文件，并从 0 重新上传"
                en: "the whole code does not have its hash" => "check the file and begin anew at 0";
            /// No such code stands whole.
            CodeMissing = 2352 "CODE_MISSING" Receipt
                zh: "账本上没有该摘要的完整代码" => "请先上传全部代码"
                en: "no whole code with this hash stands on the ledger" => "stage all of its bytes first";
            /// The module breaks a rule.
            CodeRefused = 2353 "CODE_REFUSED" Receipt
                zh: "合约代码不合规：{0}" => "请按合约开发指南修改后重新编译"
                en: "the contract's code breaks a rule: {0}" => "see the guide for contract authors, then build it again";
            /// The name cannot be a contract's.
            CodeRoom = 2354 "CODE_ROOM" Receipt
                zh: "该名称不能用作合约名" => "请用小写字母开头、由小写字母、数字和连字符组成且未被占用的名称"
                en: "the name cannot be a contract's" => "choose small letters, digits and hyphens, a letter first, and no native room's name";
            /// Another code runs than the author knew.
            CodeBase = 2355 "CODE_BASE" Receipt
                zh: "合约 {0} 正在运行的代码与提案所依据的不同" => "请核对现行代码摘要后重新提案"
                en: "contract {0} runs other code than the author knew" => "look at the hash that runs and move again";
            /// It runs already.
            CodeSame = 2356 "CODE_SAME" Receipt
                zh: "合约 {0} 已在运行这份代码" => "无需办理"
                en: "contract {0} runs this code already" => "nothing to do";
            /// Too much code waits.
            StagedFull = 2357 "STAGED_FULL" Receipt
                zh: "待提案的代码已达 {0} 份" => "请先就已上传的代码提案，或等待其到期"
                en: "{0} files of code wait for a motion" => "move what is staged, or wait until it ends";
            /// Not a validator's key.
            NotValidator = 2358 "NOT_VALIDATOR" Receipt
                zh: "该公钥不属于任何验证节点" => "请核对公钥"
                en: "the key is no validator's" => "check the key";
            /// The validator did not sign the report.
            ReportSignature = 2359 "REPORT_SIGNATURE" Receipt
                zh: "预演报告的签名不成立" => "请用验证节点的共识密钥对原报告签名"
                en: "the signature of the rehearsal's report does not hold" => "sign the very report with the validator's consensus key";
            /// Nothing is rehearsed for that motion.
            NoRehearsal = 2360 "NO_REHEARSAL" Receipt
                zh: "该动议没有进行中的预演" => "请核对动议编号"
                en: "no rehearsal of this motion is under way" => "check the motion's id";
            /// Not enough validators found the same.
            RehearsalShort = 2361 "REHEARSAL_SHORT" Receipt
                zh: "结果一致的预演报告占表决权 {0}，总计 {1}，未超过三分之二" => "请核查各验证节点的预演报告后重新提案"
                en: "equal reports of the rehearsal have {0} of {1} voting power, not more than two thirds" => "look at the validators' reports, then move again";
            /// The rehearsal broke an invariant.
            RehearsalBroken = 2362 "REHEARSAL_BROKEN" Receipt
                zh: "预演中新代码破坏了不变量：{0}" => "请修正代码后重新提案"
                en: "in the rehearsal the code broke an invariant: {0}" => "mend the code, then move again";

            /// The validator did not sign the delegation.
            ReceiptKeySignature = 2390 "RECEIPT_KEY_SIGNATURE" Receipt
                zh: "回执密钥的委托签名不成立" => "请用验证节点的共识密钥对该委托签名"
                en: "the delegation of the receipt key does not hold" => "sign it with the validator's consensus key";
            /// A receipt key begins no later than the one before it.
            ReceiptKeyOrder = 2391 "RECEIPT_KEY_ORDER" Receipt
                zh: "回执密钥自高度 {0} 起有效，须晚于前一把的 {1}" => "请给出更晚的起始高度"
                en: "the receipt key begins at height {0}, but the one before it at {1}" => "name a later height";
            /// A receipt key begins too far ahead.
            ReceiptKeyAhead = 2392 "RECEIPT_KEY_AHEAD" Receipt
                zh: "回执密钥的起始高度 {0} 过远，最晚为 {1}" => "请给出更近的起始高度"
                en: "the receipt key begins at height {0}; the latest is {1}" => "name a nearer height";

            /// The contract trapped: one code whatever the trap.
            Trap = 3001 "TRAP" Receipt
                zh: "合约执行中止，未产生任何效果" => "请检查参数；如仍出现，请联系合约维护方"
                en: "the contract stopped; nothing took effect" => "check the arguments; if it persists, tell the contract's keeper";
            /// Fuel of the transaction is used up.
            OutOfFuel = 3002 "OUT_OF_FUEL" Receipt
                zh: "计算量超过上限，未产生任何效果" => "请把业务拆小"
                en: "the work exceeds its bound; nothing took effect" => "split the work";
            /// Too deep.
            CallDepth = 3003 "CALL_DEPTH" Receipt
                zh: "合约相互调用超过 {0} 层" => "请联系合约维护方"
                en: "contracts call each other more than {0} deep" => "tell the contract's keeper";
            /// A bound of the host.
            HostLimit = 3004 "HOST_LIMIT" Receipt
                zh: "合约超出限制：{0}" => "请联系合约维护方"
                en: "the contract exceeded a bound: {0}" => "tell the contract's keeper";
            /// A call came back into a contract that is still at work.
            Reentrant = 3005 "REENTRANT" Receipt
                zh: "合约 {0} 正在执行，不能再次进入" => "请联系合约维护方"
                en: "contract {0} is still at work and cannot be entered again" => "tell the contract's keeper";
            /// The contract answered with what its schema does not know.
            BadAnswer = 3006 "BAD_ANSWER" Receipt
                zh: "合约返回的内容不合规" => "请联系合约维护方"
                en: "the contract answered with what its schema does not know" => "tell the contract's keeper";
        }
    };
}
