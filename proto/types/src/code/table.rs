//! The one table of the native codes: number, name, whether a receipt records it, text and what to do
//! next.

use super::{Lang, Recorded};

codes! {
    /// The bytes do not follow the schema.
    Malformed = 1001 "MALFORMED" No
        zh: "请求格式不正确：{0}" => "请按接口定义重新生成请求"
        en: "the request does not follow its schema: {0}" => "build the request again from the schema";
    /// Larger than a bound.
    TooLarge = 1002 "TOO_LARGE" No
        zh: "{0} 为 {1}，超过上限 {2}" => "请缩小或拆分后重试"
        en: "{0} is {1}; at most {2} is allowed" => "make it smaller or split it";
    /// For another chain.
    WrongChain = 1003 "WRONG_CHAIN" No
        zh: "请求属于另一条链" => "请核对创世文件与节点地址"
        en: "the request is for another chain" => "check the genesis file and the node's address";
    /// `valid_until` has passed.
    Expired = 1004 "EXPIRED" No
        zh: "请求已过期：有效期至 {0}，区块时间 {1}" => "请用新的交易键、同一业务号重新提交"
        en: "the request expired at {0}; block time is {1}" => "submit again with a new key and the same business id";
    /// `valid_until` lies too far ahead.
    TooDistant = 1005 "TOO_DISTANT" No
        zh: "有效期至 {0}，最远只能到 {1}" => "请把有效期设在十分钟以内，并检查本机时钟"
        en: "valid until {0}, but at most until {1}" => "set the validity to ten minutes or less and check your clock";
    /// The signature does not hold.
    BadSignature = 1006 "BAD_SIGNATURE" No
        zh: "签名不成立" => "请用登记的密钥对原始内容重新签名"
        en: "the signature does not hold" => "sign the exact bytes again with the registered key";
    /// The key is not canonical or of small order.
    BadKey = 1007 "BAD_KEY" No
        zh: "公钥不合规" => "请生成新的密钥"
        en: "the public key is not acceptable" => "make a new key";
    /// No such principal.
    UnknownSender = 1008 "UNKNOWN_SENDER" No
        zh: "账本上没有这个主体" => "请核对主体编号，或先办理登记"
        en: "the ledger knows no such principal" => "check the principal id, or register first";
    /// The key is not the sender's.
    KeyNotOfSender = 1009 "KEY_NOT_OF_SENDER" No
        zh: "签名密钥不属于该主体" => "请使用该主体登记的密钥"
        en: "the signing key does not belong to the sender" => "sign with a key registered for the sender";
    /// The same bytes were executed before.
    Exists = 1010 "EXISTS" No
        zh: "同一请求已受理，结果不变" => "无需重试，请直接查询回执"
        en: "this very request was accepted before; its result stands" => "do not retry; read the receipt";
    /// The same key, other bytes.
    IdConflict = 1011 "ID_CONFLICT" No
        zh: "同一编号已用于另一内容" => "请核对业务内容；新业务请用新编号"
        en: "this id was used for something else" => "check the deed; use a new id for a new one";
    /// No such room.
    UnknownRoom = 1012 "UNKNOWN_ROOM" No
        zh: "没有名为 {0} 的模块" => "用 linli status 查看可用模块"
        en: "there is no room called {0}" => "see `linli status` for the rooms";
    /// No such method.
    UnknownMethod = 1013 "UNKNOWN_METHOD" No
        zh: "模块 {0} 没有方法 {1}" => "请核对方法名"
        en: "room {0} has no method {1}" => "check the method's name";
    /// A personal datum was found.
    PiiSuspected = 1014 "PII_SUSPECTED" No
        zh: "字段 {0} 疑似含个人信息（{1}），未记录任何内容" => "请删除个人信息，只提交摘要或编号"
        en: "field {0} looks like personal data ({1}); nothing was recorded" => "remove it; submit a digest or a code instead";
    /// Too much is waiting.
    Busy = 1015 "BUSY" No
        zh: "等待处理的请求过多" => "请稍后用同一请求重试"
        en: "too many requests are waiting" => "send the same request again in a moment";
    /// The disk is nearly full.
    DiskReserve = 1016 "DISK_RESERVE" No
        zh: "本节点磁盘空间不足，暂停受理" => "请改用其他节点，或联系运维人员"
        en: "this node's disk is nearly full; it accepts nothing for now" => "use another node, or call its administrator";
    /// The node is stopping or catching up.
    Unavailable = 1017 "UNAVAILABLE" No
        zh: "本节点暂时不能受理" => "请改用其他节点或稍后重试"
        en: "this node cannot accept requests now" => "use another node or try again later";
    /// No signed read header, or one that does not hold.
    ReadUnsigned = 1018 "READ_UNSIGNED" No
        zh: "读取请求没有有效签名：{0}" => "请用登记的密钥签署读取请求，并检查本机时钟"
        en: "the read carries no valid signature: {0}" => "sign the read with a registered key and check your clock";
    /// The reader may not read this.
    ReadDenied = 1019 "READ_DENIED" No
        zh: "无权读取" => "请向数据所属方或审计方申请"
        en: "you may not read this" => "ask its owner or an auditor";
    /// Nothing there.
    NotFound = 1020 "NOT_FOUND" No
        zh: "没有找到 {0}" => "请核对编号"
        en: "{0} was not found" => "check the id";
    /// More than a rate allows.
    RateLimited = 1021 "RATE_LIMITED" No
        zh: "请求过于频繁，请在 {0} 毫秒后重试" => "请稍后用同一请求重试，并降低频率"
        en: "too many requests for now; try again in {0} ms" => "send the same request again then, and ask less often";
    /// The access could not be logged.
    AccessUnlogged = 1022 "ACCESS_UNLOGGED" No
        zh: "本节点无法登记此次访问，因此不提供他人的数据" => "请改用其他节点，并通知本节点的运维人员（磁盘可能已满）"
        en: "this node cannot log the access, so it does not show others' data" => "use another node and tell this one's administrator: its disk may be full";
    /// The node is no validator, or not yet: it could not pass the request on.
    NoSeat = 1023 "NO_SEAT" No
        zh: "本节点不是现任验证节点，不能受理" => "请改用其他节点"
        en: "this node is no validator and accepts nothing" => "use another node";

    /// Business id used before with the same content.
    Duplicate = 2001 "DUPLICATE" Receipt
        zh: "该业务号已办理过" => "无需重办，请查询原回执"
        en: "this deed was done before" => "do not repeat it; read the first receipt";
    /// Business id used before with other content.
    BusinessIdConflict = 2002 "BUSINESS_ID_CONFLICT" Receipt
        zh: "该业务号已用于另一内容" => "请核对；新业务请用新业务号"
        en: "this business id was used for something else" => "check it; use a new id for a new deed";
    /// Not the owner.
    Unauthorised = 2003 "UNAUTHORISED" Receipt
        zh: "主体无权动用账户 {0}" => "请由账户所有人办理"
        en: "the sender may not use account {0}" => "the account's owner must do this";
    /// No such account.
    NoAccount = 2004 "NO_ACCOUNT" Receipt
        zh: "没有账户 {0}" => "请核对账户编号"
        en: "there is no account {0}" => "check the account";
    /// Not enough.
    Insufficient = 2005 "INSUFFICIENT" Receipt
        zh: "余额 {0}，不足 {1}" => "请减少金额或先充值"
        en: "the balance {0} does not cover {1}" => "ask for less or fund the account first";
    /// The count would not fit.
    Overflow = 2006 "OVERFLOW" Receipt
        zh: "数额超出账本可记范围" => "请拆分后办理"
        en: "the amount does not fit the ledger" => "split it";
    /// From and to are one.
    SameAccount = 2007 "SAME_ACCOUNT" Receipt
        zh: "转出与转入是同一账户" => "请核对账户"
        en: "debit and credit are the same account" => "check the accounts";
    /// Nothing to move.
    ZeroAmount = 2008 "ZERO_AMOUNT" Receipt
        zh: "数额为零" => "请填写大于零的数额"
        en: "the amount is zero" => "give an amount above zero";
    /// Two assets.
    AssetMismatch = 2009 "ASSET_MISMATCH" Receipt
        zh: "两个账户的资产不同（{0} 与 {1}）" => "请选择同一资产的账户"
        en: "the accounts hold different assets ({0} and {1})" => "choose accounts of one asset";
    /// No row of the closed table allows it (INV-L9).
    RuleDenied = 2010 "RULE_DENIED" Receipt
        zh: "规则不允许此业务" => "请核对业务类型"
        en: "the rules do not allow this" => "check the kind of business";

    /// No such asset.
    UnknownAsset = 2011 "UNKNOWN_ASSET" Receipt
        zh: "账本上没有资产 {0}" => "请核对资产编号"
        en: "the books have no asset {0}" => "check the asset's number";
    /// No such kind, or one that nobody opens.
    BadAccountKind = 2012 "BAD_ACCOUNT_KIND" Receipt
        zh: "不能开立种类为 {0} 的账户" => "请核对账户种类"
        en: "no account of kind {0} can be opened" => "check the kind of account";
    /// Flags that are unknown or contradict each other.
    BadAccountFlags = 2013 "BAD_ACCOUNT_FLAGS" Receipt
        zh: "账户标志 {0} 不可用" => "请核对账户标志"
        en: "the account flags {0} cannot stand" => "check the flags";
    /// The account is closed.
    AccountClosed = 2014 "ACCOUNT_CLOSED" Receipt
        zh: "账户 {0} 已销户" => "请改用其他账户"
        en: "account {0} is closed" => "use another account";
    /// The account is frozen this way.
    AccountFrozen = 2015 "ACCOUNT_FROZEN" Receipt
        zh: "账户 {0} 已被依法冻结" => "请向作出冻结决定的机关查询"
        en: "account {0} is frozen by order" => "ask the authority that ordered it";
    /// The account holds or awaits something.
    AccountNotEmpty = 2016 "ACCOUNT_NOT_EMPTY" Receipt
        zh: "账户 {0} 仍有余额或在途金额" => "请先结清余额和在途业务"
        en: "account {0} still holds or awaits something" => "settle the balance and what is pending first";
    /// Nothing may come in.
    NoIn = 2017 "NO_IN" Receipt
        zh: "账户 {0} 不接受转入" => "请选择其他收款账户"
        en: "account {0} takes nothing in" => "choose another account";
    /// Nothing may go out.
    NoOut = 2018 "NO_OUT" Receipt
        zh: "账户 {0} 不允许转出" => "请选择其他付款账户"
        en: "account {0} lets nothing out" => "choose another account";
    /// What it holds cannot change hands.
    Soulbound = 2019 "SOULBOUND" Receipt
        zh: "账户 {0} 的余额不可转让" => "只能由发行方发放或收回"
        en: "what account {0} holds cannot change hands" => "only its issuer may grant it or take it back";
    /// It would hold too much.
    MaxBalance = 2020 "MAX_BALANCE" Receipt
        zh: "收款后将超过账户上限 {0}" => "请减少数额，或转入公益池"
        en: "the account would hold more than its bound {0}" => "move less, or give the rest to the pool";
    /// No such pending transfer.
    NoPending = 2021 "NO_PENDING" Receipt
        zh: "没有在途业务 {0}" => "请核对业务号"
        en: "there is no pending transfer {0}" => "check the id";
    /// It was posted, given up or expired.
    PendingResolved = 2022 "PENDING_RESOLVED" Receipt
        zh: "在途业务 {0} 已入账、撤销或过期" => "请查询账户明细；需要时重新预留"
        en: "pending transfer {0} was posted, given up or has expired" => "read the statement; reserve again if needed";
    /// Its time has passed.
    PendingExpired = 2023 "PENDING_EXPIRED" Receipt
        zh: "在途业务已于 {0} 过期" => "金额将自动退回；需要时重新预留"
        en: "the pending transfer expired at {0}" => "the amount returns by itself; reserve again if needed";
    /// More than is pending.
    PostTooLarge = 2024 "POST_TOO_LARGE" Receipt
        zh: "入账 {1} 超过预留的 {0}" => "请按预留金额或更少入账"
        en: "posting {1} exceeds the {0} that is pending" => "post at most what is pending";
    /// The time at which it would expire cannot be.
    BadExpiry = 2025 "BAD_EXPIRY" Receipt
        zh: "到期时间 {0} 不可用，区块时间 {1}" => "到期时间应晚于当前且不超过十年"
        en: "it cannot expire at {0}; block time is {1}" => "choose a later time, at most ten years ahead";
    /// No such transfer to take back.
    NoTransfer = 2026 "NO_TRANSFER" Receipt
        zh: "没有可冲正的业务 {0}，或原始内容不符" => "请提供原业务的全部内容"
        en: "there is no transfer {0} to take back, or its content differs" => "show the original request exactly";
    /// More than is left to take back.
    ReversalTooLarge = 2027 "REVERSAL_TOO_LARGE" Receipt
        zh: "尚可冲正 {0}，不足 {1}" => "请减少冲正金额"
        en: "{0} is left to take back, not {1}" => "take back less";
    /// Not an account for receivables.
    NotReceivable = 2028 "NOT_RECEIVABLE" Receipt
        zh: "账户 {0} 不是同一资产的应收账户" => "请选择应收追回账户"
        en: "account {0} is no clawback receivable of this asset" => "choose a clawback receivable";
    /// The last step says that another follows, or one before it does not.
    ChainOpen = 2029 "CHAIN_OPEN" Receipt
        zh: "业务链未正确结束（第 {0} 步）" => "除最后一步外均须标记后续"
        en: "the chain does not end where it should (step {0})" => "link every step but the last";
    /// Too few or too many steps.
    ChainLength = 2030 "CHAIN_LENGTH" Receipt
        zh: "业务链有 {0} 步，应为 2 至 64 步" => "请调整步数"
        en: "the chain has {0} steps; it may have 2 to 64" => "change the number of steps";
    /// TIME and another asset in one transaction (INV-T9).
    TimeJoined = 2031 "TIME_JOINED" Receipt
        zh: "时间不能与现金、积分或消费券在同一笔业务中流转" => "时间币不可兑换现金或物品；谨防诈骗"
        en: "time never moves together with money, points or vouchers" => "time cannot be cashed in; beware of fraud";
    /// No room for another lot.
    LotsFull = 2032 "LOTS_FULL" Receipt
        zh: "账户批次已满 {0} 个" => "请先使用较早的批次"
        en: "the account holds its {0} lots already" => "use older lots first";
    /// Lots that may be used do not cover it.
    LotsUnusable = 2033 "LOTS_UNUSABLE" Receipt
        zh: "可用批次合计 {0}，不足 {1}" => "已到期或受赠的部分不能使用；请减少数额"
        en: "lots that may be used come to {0}, not {1}" => "ended or given lots do not count; ask for less";
    /// Not a sink.
    NotSink = 2034 "NOT_SINK" Receipt
        zh: "账户 {0} 不是同一资产的到期账户" => "请选择到期归集账户"
        en: "account {0} is no sink of this asset" => "choose an account of kind EXPIRED_SINK";
    /// Nothing has ended.
    NothingExpired = 2035 "NOTHING_EXPIRED" Receipt
        zh: "没有已到期且可归集的批次" => "无需处理"
        en: "no lot has ended that could be moved" => "there is nothing to do";
    /// Whoever decides may not gain.
    SelfDealing = 2036 "SELF_DEALING" Receipt
        zh: "经办人不能从此业务中受益" => "请由他人办理"
        en: "whoever decides this, or acts for another, may not gain by it" => "someone else must do it";
    /// Not frozen.
    NotFrozen = 2037 "NOT_FROZEN" Receipt
        zh: "账户 {0} 未被冻结" => "无需解冻"
        en: "account {0} is not frozen" => "there is nothing to end";
    /// A freeze of neither way.
    FreezeNothing = 2038 "FREEZE_NOTHING" Receipt
        zh: "未指明冻结转出还是转入" => "请至少选择一项"
        en: "the freeze names neither way" => "name what goes out, what comes in, or both";
    /// The lot would have ended before it began.
    LotInPast = 2039 "LOT_IN_PAST" Receipt
        zh: "批次到期日 {0} 已过" => "请填写今天或以后的日期"
        en: "the lot's last day {0} is past" => "give today or a later day";
    /// Credits would exceed debits.
    CreditsExceed = 2040 "CREDITS_EXCEED" Receipt
        zh: "最多可收 {0}，不能收 {1}" => "请减少数额"
        en: "the account takes at most {0}, not {1}" => "move less";
    /// Nobody known.
    UnknownOwner = 2041 "UNKNOWN_OWNER" Receipt
        zh: "账本上没有户主 {0}" => "请先办理登记"
        en: "the ledger knows no owner {0}" => "register the owner first";
    /// No such batch of opening balances.
    NoOpening = 2042 "NO_OPENING" Receipt
        zh: "没有期初批次 {0}" => "请核对批次编号"
        en: "there is no batch of opening balances {0}" => "check the batch's id";
    /// The batch is at another step.
    OpeningStep = 2043 "OPENING_STEP" Receipt
        zh: "该期初批次现为 {0}，须为 {1}" => "请先查询批次状态"
        en: "the batch of opening balances is {0}, not {1}" => "look at the batch first";
    /// The batch's time is over.
    OpeningCutOff = 2044 "OPENING_CUT_OFF" Receipt
        zh: "期初批次已于 {0} 截止，现为 {1}" => "请重新提交批次，由另一人批准"
        en: "the batch of opening balances was cut off at {0}; it is {1}" => "propose the rest anew and have it approved";
    /// What is shown is not what was proposed.
    OpeningOther = 2045 "OPENING_OTHER" Receipt
        zh: "{0} 与该期初批次提交的内容不符" => "请核对源文件与批次编号"
        en: "the {0} is not what the batch of opening balances was proposed with" => "check the source file and the batch's id";
    /// The lines do not come to what was approved.
    OpeningTotal = 2046 "OPENING_TOTAL" Receipt
        zh: "资产 {0} 合计为 {1}，批准的是 {2}" => "请核对源文件；如有误，请重新提交批次"
        en: "asset {0} comes to {1}; {2} was approved" => "check the source file; if it is wrong, propose another batch";
    /// The accounts are not as many as were approved.
    OpeningCount = 2047 "OPENING_COUNT" Receipt
        zh: "账户共 {0} 个，批准的是 {1} 个" => "请核对源文件，并载入全部分块"
        en: "there are {0} accounts; {1} were approved" => "check the source file and load every chunk";
    /// The evidence of the source file does not stand in the log.
    OpeningUnanchored = 2048 "OPENING_UNANCHORED" Receipt
        zh: "存证日志第 {0} 条不是该源文件的存证" => "请先存证源文件，再提交批次"
        en: "leaf {0} of the evidence log does not anchor the source file" => "anchor the source file first";
    /// An account with this id stands.
    AccountExists = 2049 "ACCOUNT_EXISTS" Receipt
        zh: "账户 {0} 已存在" => "请为该行换一个账户编号，并重新提交批次"
        en: "account {0} stands already" => "give the line another account and propose the batch anew";
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

    /// The organisation's quota is used up.
    Quota = 2310 "QUOTA" Receipt
        zh: "本机构今日的 {0} 配额已用尽：已用 {1}，上限 {2}" => "请于次日（北京时间）再提交，或提出议案调整配额"
        en: "the organisation's {0} quota of today is used up: {1} of {2}" => "go on tomorrow (UTC+8), or move a larger quota";

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
